"""The service that announces the device to Home Assistant, with a real outbox and a publisher that the test controls."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from edged.clock import NS_PER_S
from edged.config.settings import HomeAssistantSettings, Settings
from edged.daemon.announcement_file import AnnouncementFile
from edged.daemon.home_assistant_service import (
    MAX_RESEND_S,
    HomeAssistantService,
    ModelFacts,
)
from edged.disk_thread import InlineDiskQueue
from edged.event_loop import EventLoop
from edged.interfaces import MessageReceived, Notice, OutgoingMessage
from edged.messaging.outbox import Birth, Outbox
from edged.messaging.spool import Spool
from support.clock import FakeClock
from support.discovery import camera, facts, settings_of
from support.examples import stamper, state
from support.manual_publisher import ManualPublisher

FILE_NAME = "home-assistant.json"
TOPIC = "homeassistant/device/edged-shop-12/config"
LABELS = ("person", "car")


class ServiceBench:
    """A service of one run of the daemon after another, in one state directory."""

    def __init__(self, folder: Path, loop: EventLoop, clock: FakeClock) -> None:
        self.folder = folder
        self.loop = loop
        self.clock = clock
        self.model = ModelFacts(labels=LABELS)

    def run(self, settings: Settings) -> HomeAssistantService:
        """Start a service that has no connection yet."""
        spool = Spool(
            self.folder / "spool",
            max_bytes=1_000_000,
            max_age_s=3600,
            clock=self.clock,
            encode_gap=lambda _seq, _loss: ("gap", b"{}"),
        )
        made: list[ManualPublisher] = []

        def connect(
            birth: Birth, will: OutgoingMessage, on_notice: Callable[[Notice], None]
        ) -> ManualPublisher:
            made.append(ManualPublisher(birth, will, on_notice))
            return made[0]

        self.outbox = Outbox(
            spool=spool,
            stamper=stamper(self.clock),
            clock=self.clock,
            connect=connect,
            notify=lambda _: None,
        )
        self.publisher = made[0]
        self.service = HomeAssistantService(
            settings,
            facts(labels=()),
            read_model=lambda: self.model,
            outbox=self.outbox,
            file=AnnouncementFile(self.folder / FILE_NAME, InlineDiskQueue()),
            loop=self.loop,
        )
        self.service.start()
        return self.service

    def stop(self) -> None:
        self.outbox.close(0.0)

    def take(self, topic: str = TOPIC) -> list[bytes]:
        """Return the payloads that were sent on a topic since the last call."""
        sent, self.publisher.sent = self.publisher.sent, []
        return [one.payload for one in sent if one.topic == topic and one.retain]

    def take_components(self) -> dict[str, dict[str, object]]:
        """Return the components of the one discovery message since the last call."""
        (payload,) = self.take()
        components: dict[str, dict[str, object]] = json.loads(payload)["cmps"]
        return components

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.loop.run_once(0.0)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceBench]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    clock = FakeClock(monotonic_ns=NS_PER_S)
    with EventLoop(clock) as loop:
        bench = ServiceBench(tmp_path, loop, clock)
        yield bench
        bench.stop()


def settings(*cameras: str, zones: tuple[str, ...] = (), enabled: bool = True) -> Settings:
    return msgspec.structs.replace(
        settings_of(**{name: camera(zones) for name in cameras}),
        home_assistant=HomeAssistantSettings(enabled=enabled),
    )


def test_the_message_is_among_the_first_of_a_connection(bench: ServiceBench) -> None:
    bench.run(settings("front"))
    bench.publisher.connect()
    assert "camera/front/count/person" in bench.take_components()


def test_nothing_is_sent_twice(bench: ServiceBench) -> None:
    service = bench.run(settings("front"))
    bench.publisher.connect()
    bench.take()
    service.tick()
    service.apply_settings(settings("front"))
    assert bench.take() == []


def test_a_reload_removes_a_camera_and_adds_another(bench: ServiceBench) -> None:
    service = bench.run(settings("front"))
    bench.publisher.connect()
    bench.take()
    service.apply_settings(settings("back"))
    components = bench.take_components()
    assert components["camera/front/motion"] == {"p": "binary_sensor"}
    assert "stat_t" in components["camera/back/motion"]


def test_a_zone_that_goes_while_the_daemon_is_stopped_is_removed(bench: ServiceBench) -> None:
    bench.run(settings("front", zones=("door",)))
    bench.stop()
    bench.run(settings("front"))
    bench.publisher.connect()
    assert bench.take_components()["camera/front/zone/door/occupancy"] == {"p": "binary_sensor"}


def test_a_new_model_has_other_counts(bench: ServiceBench) -> None:
    service = bench.run(settings("front"))
    bench.publisher.connect()
    bench.take()
    bench.model = ModelFacts(labels=("person", "dog"))
    service.tick()
    components = bench.take_components()
    assert components["camera/front/count/car"] == {"p": "sensor"}
    assert "stat_t" in components["camera/front/count/dog"]


def test_the_labels_are_remembered_until_a_model_runs(bench: ServiceBench) -> None:
    bench.run(settings("front"))
    bench.stop()
    bench.model = ModelFacts()
    bench.run(settings("front"))
    bench.publisher.connect()
    assert "stat_t" in bench.take_components()["camera/front/count/car"]


def test_every_state_is_sent_again_when_home_assistant_starts(bench: ServiceBench) -> None:
    service = bench.run(settings("front"))
    bench.outbox.retain(state())
    bench.publisher.connect()
    bench.take()
    status = "homeassistant/status"
    service.receive(MessageReceived(status, b"offline", retained=False))
    service.receive(MessageReceived(status, b"online", retained=True))
    bench.wait(MAX_RESEND_S)
    assert bench.publisher.sent == []
    service.receive(MessageReceived(status, b"online", retained=False))
    service.receive(MessageReceived(status, b"online", retained=False))
    assert bench.publisher.sent == []
    bench.wait(MAX_RESEND_S)
    topics = [message.topic for message in bench.publisher.sent]
    assert len(topics) == len(set(topics))
    assert {TOPIC, "edged/v1/shop-12/up/camera/front/state"} <= set(topics)


def test_a_feature_that_is_switched_off_is_deleted_at_the_broker(bench: ServiceBench) -> None:
    bench.run(settings("front"))
    bench.stop()
    bench.run(settings("front", enabled=False))
    bench.wait(60.0)
    assert (bench.folder / FILE_NAME).exists()  # no connection has delivered the deletion yet
    bench.publisher.connect()
    assert bench.take() == [b""]
    bench.wait(30.0)
    bench.wait(30.0)
    assert not (bench.folder / FILE_NAME).exists()


def test_another_prefix_deletes_the_old_message(bench: ServiceBench) -> None:
    bench.run(settings("front"))
    bench.stop()
    prefix = HomeAssistantSettings(enabled=True, prefix="ha")
    bench.run(msgspec.structs.replace(settings("front"), home_assistant=prefix))
    bench.publisher.connect()
    sent = {message.topic: message.payload for message in bench.publisher.sent}
    assert sent[TOPIC] == b""
    assert sent["ha/device/edged-shop-12/config"].startswith(b'{"dev"')


def test_nothing_is_written_where_nothing_was_announced(bench: ServiceBench) -> None:
    bench.run(settings("front", enabled=False))
    bench.publisher.connect()
    assert bench.take() == []
    assert not (bench.folder / FILE_NAME).exists()


def test_a_damaged_file_is_like_none(bench: ServiceBench, caplog: pytest.LogCaptureFixture) -> None:
    (bench.folder / FILE_NAME).write_bytes(b'{"topic": 3}')
    bench.run(settings("front"))
    bench.publisher.connect()
    assert "camera/front/motion" in bench.take_components()
    assert "cannot be read" in caplog.text


def test_a_disk_that_takes_nothing_does_not_keep_the_message_back(
    bench: ServiceBench, caplog: pytest.LogCaptureFixture
) -> None:
    (bench.folder / FILE_NAME).mkdir()
    bench.run(settings("front"))
    bench.publisher.connect()
    assert "camera/front/motion" in bench.take_components()
    assert "entities that are gone after a restart stay" in caplog.text
