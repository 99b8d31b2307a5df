"""Every registered publisher implements the protocol."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from edged.clock import SystemClock
from edged.event_loop import EventLoop
from edged.interfaces import (
    Delivered,
    LinkChanged,
    MessageReceived,
    Notice,
    OutgoingMessage,
    Publisher,
)
from edged.publishers import jsonl
from edged.publishers.jsonl import JsonlSettings
from edged.registry import PUBLISHERS, load_driver
from support.broker import Broker, running_broker
from support.mqtt_device import mqtt_settings
from support.subscriber import MqttSubscriber, publish_message

BIRTH = OutgoingMessage(
    topic="edged/v1/d/up/status", payload=b'{"status":"online"}', qos=1, retain=True
)
LAST = OutgoingMessage(
    topic="edged/v1/d/up/status", payload=b'{"status":"offline"}', qos=1, retain=True
)
EVENT = OutgoingMessage(topic="edged/v1/d/up/camera/c/events", payload=b'{"seq":1}', qos=1)
LISTENED_TOPIC = "edged/v1/d/down/desired"
LIVE = OutgoingMessage(topic="edged/v1/d/up/camera/c/detections", payload=b'{"frame":1}')

ReadDelivered = Callable[[], list[tuple[str, object]]]
PublishFromPeer = Callable[[str, bytes], None]


class PublisherBench:
    """A publisher, its notices, and the messages that arrived at the other end."""

    def __init__(
        self,
        name: str,
        settings: msgspec.Struct,
        delivered: ReadDelivered,
        publish_from_peer: PublishFromPeer | None = None,
    ) -> None:
        self.notices: list[Notice] = []
        self.loop = EventLoop(SystemClock())
        self.loop.__enter__()
        self._is_publishing = False
        self.delivered = delivered
        self.publish_from_peer = publish_from_peer
        """Publishes a message at the other end; None if the publisher cannot receive."""
        self.births = 0
        self.publisher: Publisher = load_driver(PUBLISHERS, name)(
            settings,
            loop=self.loop,
            device="d",
            birth=self._birth,
            will=LAST,
            on_notice=self._notify,
            subscriptions=[LISTENED_TOPIC],
        )

    def _birth(self) -> Sequence[OutgoingMessage]:
        self.births += 1
        return [BIRTH]

    def _notify(self, notice: Notice) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert not self._is_publishing, "a notice from within publish"
        self.notices.append(notice)

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        self._is_publishing = True
        try:
            return self.publisher.publish(message, token)
        finally:
            self._is_publishing = False

    def connect(self) -> None:
        self.publisher.start()
        self.run_until(lambda: LinkChanged(up=True) in self.notices)

    def run_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, (self.notices, self.delivered())
            self.loop.run_once(0.02)

    def close(self) -> None:
        self.publisher.close([], 1)
        self.loop.__exit__(None, None, None)


@pytest.fixture(params=PUBLISHERS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PublisherBench]:
    if request.param == "jsonl":
        path = tmp_path / "out.jsonl"

        def lines() -> list[tuple[str, object]]:
            found = map(json.loads, path.read_text().splitlines() if path.exists() else [])
            return [(line["topic"], line["payload"]) for line in found]

        way = PublisherBench("jsonl", JsonlSettings(path=str(path)), lines)
        yield way
        way.close()
        return
    with (
        running_broker(Broker(tmp_path / "broker")) as broker,
        MqttSubscriber(broker.port) as subscriber,
    ):
        way = PublisherBench(
            request.param,
            mqtt_settings(broker.port),
            lambda: [(m.topic, m.json) for m in subscriber.messages()],
            lambda topic, payload: publish_message(broker.port, topic, payload),
        )
        yield way
        way.close()


def test_nothing_is_taken_before_the_start(bench: PublisherBench) -> None:
    assert not bench.publish(EVENT, token=1)
    assert bench.notices == []
    assert bench.births == 0


def test_birth_comes_before_anything_else(bench: PublisherBench) -> None:
    bench.connect()
    assert bench.publish(EVENT, token=1)
    bench.run_until(lambda: len(bench.delivered()) == 2)
    assert bench.delivered() == [(BIRTH.topic, {"status": "online"}), (EVENT.topic, {"seq": 1})]
    assert bench.births == 1


def test_each_token_is_answered_once(bench: PublisherBench) -> None:
    bench.connect()
    for token in range(50):
        assert bench.publish(EVENT, token)
    bench.run_until(lambda: len(bench.notices) == 51)
    assert sorted(r.token for r in bench.notices if isinstance(r, Delivered)) == list(range(50))
    assert all(not r.error for r in bench.notices if isinstance(r, Delivered))


def test_what_has_no_token_is_not_answered(bench: PublisherBench) -> None:
    bench.connect()
    assert bench.publish(LIVE)
    bench.run_until(lambda: (LIVE.topic, {"frame": 1}) in bench.delivered())
    assert bench.notices == [LinkChanged(up=True)]


def test_what_it_listens_to_is_received_and_nothing_else(bench: PublisherBench) -> None:
    bench.connect()
    publish = bench.publish_from_peer
    if publish is None:
        assert bench.notices == [LinkChanged(up=True)]
        return
    wanted = MessageReceived(LISTENED_TOPIC, b'{"sequence":1}', retained=False)

    def is_received() -> bool:
        # The broker may take the subscription only after the connection is reported.
        publish(LISTENED_TOPIC + "/more", b"{}")
        publish(LISTENED_TOPIC, b'{"sequence":1}')
        return wanted in bench.notices

    bench.run_until(is_received)
    assert set(bench.notices) == {LinkChanged(up=True), wanted}


def test_final_messages_are_last_and_there_is_no_will(bench: PublisherBench) -> None:
    bench.connect()
    bench.publish(EVENT, token=1)
    bench.publisher.close([LAST], 5)
    bench.run_until(lambda: len(bench.delivered()) == 3)
    assert [topic for topic, _ in bench.delivered()] == [BIRTH.topic, EVENT.topic, LAST.topic]
    assert not bench.publish(EVENT, token=2)


def test_closing_twice_and_unstarted_is_no_error(bench: PublisherBench) -> None:
    bench.publisher.close([LAST], 0.2)
    bench.publisher.close([LAST], 0.2)
    assert bench.delivered() == []


def test_a_file_that_cannot_be_written_is_reported_and_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jsonl, "_RETRY_INTERVAL_S", 0.05)
    path = tmp_path / "later" / "out.jsonl"
    way = PublisherBench("jsonl", JsonlSettings(path=str(path)), list)
    way.publisher.start()
    way.run_until(lambda: bool(way.notices))
    assert isinstance(way.notices[0], LinkChanged)
    assert f"jsonl.path {path}" in str(way.notices[0].reason)
    assert not way.publish(EVENT, token=1)
    way.run_until(lambda: len(way.notices) > 2)
    assert caplog.text.count("No such file or directory") == 1, "said once, not at every attempt"
    path.parent.mkdir()
    way.run_until(lambda: LinkChanged(up=True) in way.notices)
    assert way.publish(EVENT, token=1)
    way.close()
    assert path.read_bytes() == jsonl.encode_line(BIRTH) + jsonl.encode_line(EVENT)


def test_what_is_not_json_is_a_line_all_the_same() -> None:
    line = json.loads(jsonl.encode_line(OutgoingMessage(topic="t", payload=b"\xff\xd8\xff")))
    assert line == {"topic": "t", "qos": 0, "retain": False, "payload": "/9j/"}
