"""At least once, in order, and never silently: against brokers that stop, refuse, and devices that are killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edged.interfaces import OutgoingMessage
from edged.messaging import refusal_backoff
from edged.messaging.spooled_messages import MAX_IN_FLIGHT
from edged.publishers.mqtt_settings import TlsSettings
from support.broker import Broker, amqtt_broker, make_certificates, running_broker
from support.mqtt_device import DEVICE_NAME, UP_TOPIC, MqttDevice, mqtt_settings
from support.sampling import seeded_random
from support.subscriber import MqttSubscriber

TESTS = Path(__file__).parents[2]
DENY_EVENTS = "user edged\ntopic write edged/v1/+/up/status\nuser watcher\ntopic read #\n"
ALLOW_ALL = "user edged\ntopic readwrite edged/#\nuser watcher\ntopic read #\n"


def test_a_broker_stopped_in_mid_stream(tmp_path: Path) -> None:
    with (
        running_broker(Broker(tmp_path / "broker")) as broker,
        MqttSubscriber(broker.port) as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        device.run_until(device.is_connected)
        for number in range(400):
            device.publish_event()
            device.run_once(0.001)
            if number in {100, 250}:
                # What the subscriber has not confirmed, the broker itself repeats after its restart.
                confirmed = number + 1 - device.outbox.spool_state().depth
                _await_events(subscriber, confirmed)
                broker.stop()
            if number in {200, 300}:
                broker.start()
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len({m["id"] for m in s.payloads("/events")}) == 400)
        numbers = [m["seq"] for m in subscriber.payloads("/events")]
        first_seen = list(dict.fromkeys(numbers))
        assert first_seen == list(range(numbers[0], numbers[0] + 400))
        _assert_repeats_are_within_the_window(numbers)
        assert subscriber.messages("/gap") == []


def test_a_refused_message_stays_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_backoff, "_MIN_PAUSE_S", 0.3)
    (tmp_path / "password").write_text("s")
    login = {"username": "edged", "password_file": tmp_path / "password"}
    users = {"edged": "s", "watcher": "s"}
    with (
        running_broker(Broker(tmp_path / "broker", passwords=users, acl=DENY_EVENTS)) as broker,
        MqttSubscriber(broker.port, user="watcher", password=users["watcher"]) as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port, **login)) as device,
    ):
        device.run_until(device.is_connected)
        for _ in range(3):
            device.publish_event()
        device.run_until(
            lambda: (
                device.outbox.list_problems()["publish_refused"]
                == f"{UP_TOPIC}/camera/front/events: Not authorized"
            )
        )
        assert device.outbox.spool_state().depth == 3
        broker.set_acl(ALLOW_ALL)
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len(s.messages("/events")) == 3)
        assert device.outbox.list_problems()["publish_refused"] is None


def test_the_documented_access_rules_let_a_device_do_its_work_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s")
    login = {"username": DEVICE_NAME, "password_file": tmp_path / "password"}
    acl = "pattern write edged/v1/%u/up/#\npattern read edged/v1/%u/down/#\n"
    with (
        running_broker(
            Broker(tmp_path / "broker", passwords={DEVICE_NAME: "s"}, acl=acl)
        ) as broker,
        MqttDevice(tmp_path, mqtt_settings(broker.port, **login)) as device,
    ):
        device.publish_event()
        device.run_until(device.is_connected)
        device.run_until(device.is_drained)
        command = OutgoingMessage(
            topic=f"edged/v1/{DEVICE_NAME}/down/cmd/reload", payload=b"{}", qos=1
        )
        device.outbox._publisher.publish(command, token=1)
        device.run_until(lambda: len(device.refusals) == 1)
        assert str(device.refusals[0].error).endswith("Not authorized")


def test_a_fleet_with_certificates(tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "certificates")
    tls = TlsSettings(ca=made.ca, cert=made.client_cert, key=made.client_key)
    with running_broker(Broker(tmp_path / "broker", tls=made)) as broker:
        for protocol in ("5", "3.1.1"):
            settings = mqtt_settings(broker.port, host="localhost", tls=tls, protocol=protocol)
            with MqttDevice(tmp_path / protocol, settings) as device:
                device.publish_event()
                device.run_until(device.is_connected)
                device.run_until(device.is_drained)


@pytest.mark.parametrize(
    ("ca", "words"),
    [
        ("", "certificate was not accepted"),
        ("ca.crt", "certificate required"),
        ("missing.crt", "mqtt.tls: ca ="),
    ],
    ids=["an unknown authority", "no client certificate", "no such file"],
)
def test_tls_that_does_not_fit_is_reported(tmp_path: Path, ca: str, words: str) -> None:
    made = make_certificates(tmp_path)
    tls = TlsSettings(ca=tmp_path / ca if ca else None)
    with running_broker(Broker(tmp_path / "broker", tls=made)) as broker:
        settings = mqtt_settings(broker.port, host="localhost", tls=tls)
        with MqttDevice(tmp_path / "device", settings) as device:
            device.run_until(lambda: len(device.links) > 0)
            assert words in str(device.links[0].reason)
            assert not device.is_connected()


def test_a_broker_that_speaks_only_3_1_1(tmp_path: Path) -> None:
    with amqtt_broker() as port:
        settings = mqtt_settings(port, connect_timeout_s=0.5)
        with MqttDevice(tmp_path / "5", settings) as device:
            device.run_until(lambda: len(device.links) > 0)
            assert "set mqtt.protocol" in str(device.links[0].reason)
        with MqttDevice(tmp_path / "3", mqtt_settings(port, protocol="3.1.1")) as device:
            device.publish_event()
            device.run_until(device.is_connected)
            device.run_until(device.is_drained)


def test_a_broker_that_takes_few_at_a_time(tmp_path: Path) -> None:
    with (
        running_broker(Broker(tmp_path / "broker", options="max_inflight_messages 3")) as broker,
        MqttSubscriber(broker.port) as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        for _ in range(60):
            device.publish_event()
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len(s.messages("/events")) == 60)
        assert [link.up for link in device.links] == [True], "a limit is no fault of the connection"
        assert "protocol error" not in broker.log


def test_killed_twenty_times_nothing_is_lost_silently(tmp_path: Path) -> None:
    """What was committed arrives; what was not is named by a gap record; order and numbers hold."""
    rng = seeded_random("mqtt delivery")
    made: list[str] = []
    broker = Broker(tmp_path / "broker")
    with running_broker(broker), MqttSubscriber(broker.port) as subscriber:
        committed: set[str] = set()
        for run in range(20):
            down = rng.random() < 0.5
            if down:
                broker.stop()
            printed = _run_and_kill(tmp_path, broker.port, f"r{run}", rng.uniform(0.1, 0.4))
            made += printed
            if down:
                # 64 messages make a commit; the last print may be cut off.
                committed |= set(printed[: max(0, (len(printed) - 1) // 64 * 64 - 64)])
                broker.start()
        with MqttDevice(tmp_path, mqtt_settings(broker.port), session="last") as device:
            device.run_until(device.is_connected)
            device.run_until(device.is_drained)
            subscriber.wait_until(lambda s: committed <= {m["id"] for m in s.payloads("/events")})
            subscriber.wait_until(lambda s: s.messages("/gap") != [])
    assert committed, "no run was long enough for a commit"
    _assert_accounted_for(subscriber, made)


def _run_and_kill(folder: Path, port: int, session: str, seconds: float) -> list[str]:
    """Run a device, kill it so long after its first event; the ids that it printed whole."""
    command = [sys.executable, "-m", "support.mqtt_device", str(port), str(folder), session]
    environment = {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        return (first + child.stdout.read()).decode().split("\n")[:-1]


def _assert_accounted_for(subscriber: MqttSubscriber, made: list[str]) -> None:
    events, gaps = subscriber.payloads("/events"), subscriber.payloads("/gap")
    numbers = [m["seq"] for m in events]
    arrived = {m["seq"] for m in events + gaps}
    ranges = [tuple(r) for gap in gaps for r in gap["ranges"]]
    missing = [
        seq
        for seq in range(min(arrived), max(arrived))
        if seq not in arrived and not any(first <= seq <= last for first, last in ranges)
    ]
    assert missing == []
    by_session = {m["id"]: m["seq"] for m in events}
    in_order = [by_session[i] for i in made if i in by_session]
    assert in_order == sorted(in_order)
    assert len({m["id"] for m in events}) == len(set(numbers))


def _await_events(subscriber: MqttSubscriber, count: int) -> None:
    subscriber.wait_until(lambda one: len(one.payloads("/events")) >= count)


def _assert_repeats_are_within_the_window(numbers: list[int]) -> None:
    highest = 0
    for number in numbers:
        assert number > highest - MAX_IN_FLIGHT
        highest = max(highest, number)
