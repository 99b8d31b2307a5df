"""The known mistakes of others (the last section of the contract), each against a real mosquitto."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edged.publishers.mqtt_settings import TlsSettings
from support.broker import Broker, free_port, running_broker
from support.examples import state
from support.mqtt_device import DEVICE_NAME, UP_TOPIC, MqttDevice, mqtt_settings
from support.subscriber import MqttSubscriber
from support.waiting import wait_for

TESTS = Path(__file__).parents[2]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_refused_connack_is_not_a_connection(tmp_path: Path, protocol: str) -> None:
    (tmp_path / "password").write_text("wrong-secret\n")
    settings = {"protocol": protocol, "username": "edged", "password_file": tmp_path / "password"}
    with (
        running_broker(Broker(tmp_path / "broker", passwords={"edged": "right-secret"})) as broker,
        MqttDevice(tmp_path, mqtt_settings(broker.port, **settings)) as device,
    ):
        device.publish_event()
        device.run_until(lambda: broker.log.count("not authorised") > 1)
        assert not any(link.up for link in device.links)
        assert "refused the connection" in str(device.links[0].reason)
        assert "mqtt.password_file" in str(device.links[0].reason)
        assert device.outbox.link_state().connects == 0
        assert device.outbox.spool_state().depth == 1


def test_passwords_are_read_anew_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    (tmp_path / "password").write_text("wrong-secret\n")
    settings = {"username": "edged", "password_file": tmp_path / "password"}
    with (
        running_broker(Broker(tmp_path / "broker", passwords={"edged": "right-secret"})) as broker,
        MqttDevice(tmp_path, mqtt_settings(broker.port, **settings)) as device,
    ):
        device.run_until(lambda: len(device.links) > 0)
        (tmp_path / "password").write_text("right-secret\n")
        device.run_until(device.is_connected)
        assert "secret" not in caplog.text
        assert not any("secret" in str(link.reason) for link in device.links)


def test_events_of_a_time_without_a_broker_are_not_dropped(tmp_path: Path, broker: Broker) -> None:
    broker.stop()
    with MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.run_until(lambda: len(device.links) > 0)
        for _ in range(100):
            device.publish_event()
        device.run_until(lambda: device.outbox.spool_state().depth == 100)
        broker.start()
        with MqttSubscriber(broker.port) as subscriber:
            device.run_until(device.is_drained)
            subscriber.wait_until(lambda s: len(s.messages("/events")) == 100)
            numbers = [m["seq"] for m in subscriber.payloads("/events")]
            assert numbers == sorted(numbers)


def test_a_broker_down_at_boot_holds_nothing_up(tmp_path: Path) -> None:
    port = free_port()
    with MqttDevice(tmp_path, mqtt_settings(port)) as device:
        began = time.monotonic()
        device.outbox.tick()
        device.publish_event()
        assert time.monotonic() - began < 0.5
        device.run_until(lambda: len(device.links) > 0)
        assert "refused" in str(device.links[0].reason).lower()


def test_a_host_without_an_address_holds_nothing_up(tmp_path: Path) -> None:
    settings = mqtt_settings(1883, host="no-such-host.invalid")
    with MqttDevice(tmp_path, settings) as device:
        began = time.monotonic()
        device.publish_event()
        device.outbox.tick()
        assert time.monotonic() - began < 0.5
        device.run_until(lambda: len(device.links) > 0)
        assert "no-such-host.invalid" in str(device.links[0].reason)


def test_a_broker_that_accepts_and_is_silent_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = mqtt_settings(silent.getsockname()[1], connect_timeout_s=0.3)
        with MqttDevice(tmp_path, settings) as device:
            device.run_until(lambda: len(device.links) > 0)
            assert "does not answer" in str(device.links[0].reason)


@pytest.mark.parametrize("tls", [None, TlsSettings(insecure=True)], ids=["plain", "tls"])
def test_a_broker_that_accepts_and_is_silent_does_not_hold_up_the_end(
    tmp_path: Path, tls: TlsSettings | None
) -> None:
    """With TLS the thread that connects waits for the handshake."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        device = MqttDevice(tmp_path, mqtt_settings(silent.getsockname()[1], tls=tls))
        device.outbox.start()
        connection, _ = silent.accept()
        with connection:
            began = time.monotonic()
            device.close(0.5)
            assert time.monotonic() - began < 2


def test_a_device_subscribes_to_nothing(tmp_path: Path, broker: Broker) -> None:
    with MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.run_until(device.is_connected)
        device.publish_event()
        device.run_until(device.is_drained)
    assert f"Received PUBLISH from edged-{DEVICE_NAME}" in broker.log
    assert "SUBSCRIBE" not in broker.log
    assert f"Sending PUBLISH to edged-{DEVICE_NAME}" not in broker.log


def test_the_network_is_served_while_nothing_is_published(tmp_path: Path, broker: Broker) -> None:
    """A loop that was never started answers no ping: the broker would end the connection after 1.5 keep-alives."""
    with MqttDevice(tmp_path, mqtt_settings(broker.port, keepalive_s=1)) as device:
        device.run_until(device.is_connected)
        device.run_until(lambda: broker.log.count("PINGREQ") > 1)
        assert len(device.links) == 1


def test_no_occupancy_stays_behind(tmp_path: Path, broker: Broker) -> None:
    with MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.outbox.retain(state(occupied=True, counts={"person": 2}))
        device.run_until(device.is_connected)
    with MqttSubscriber(broker.port) as subscriber:
        subscriber.wait_until(lambda s: len(s.messages("/front/state")) == 1)
        (left,) = subscriber.messages("/front/state")
        assert left.retain
        assert (left.json["occupied"], left.json["counts"], left.json["online"]) == (
            False,
            {},
            False,
        )
        assert subscriber.payloads("up/status")[0]["status"] == "offline"


def test_occupancy_of_a_killed_session_is_overwritten_at_the_start(
    tmp_path: Path, broker: Broker
) -> None:
    with MqttDevice(tmp_path / "1", mqtt_settings(broker.port), session="killed") as device:
        device.outbox.retain(state(occupied=True, counts={"person": 2}))
        device.run_until(device.is_connected)
        with (
            MqttSubscriber(broker.port) as subscriber,
            MqttDevice(tmp_path / "2", mqtt_settings(broker.port), session="next") as again,
        ):
            again.outbox.retain(state())
            again.run_until(again.is_connected)
            subscriber.wait_until(
                lambda s: "next" in [m["session"] for m in s.payloads("/front/state")]
            )
            assert subscriber.payloads("/front/state")[-1]["occupied"] is False


def test_a_late_will_does_not_overtake_the_birth(tmp_path: Path, broker: Broker) -> None:
    """kill -9, and at once a new start: what is retained in the end is `online`, of the new session."""
    for number in range(3):
        command = [sys.executable, "-m", "support.mqtt_device", str(broker.port), str(tmp_path), f"old{number}"]  # fmt: skip
        with subprocess.Popen(
            command,
            cwd=TESTS,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            wait_for(partial(_has_retained_session, broker, f"old{number}"))
            child.kill()
    with MqttDevice(tmp_path, mqtt_settings(broker.port), session="new") as device:
        device.run_until(device.is_connected)
        device.run_for(0.5)
        status = _retained_status(broker)
        assert '"online"' in status
        assert '"new"' in status


def test_a_half_open_connection_is_taken_over_will_first(tmp_path: Path, broker: Broker) -> None:
    """The old connection is still there for the broker (a pulled cable): its will comes before the new birth."""
    with MqttSubscriber(broker.port) as subscriber:
        old = MqttDevice(tmp_path / "old", mqtt_settings(broker.port), session="old")
        old.outbox.start()
        old.run_until(old.is_connected)
        with MqttDevice(tmp_path / "new", mqtt_settings(broker.port), session="new") as new:
            new.run_until(new.is_connected)
            subscriber.wait_until(lambda s: ("online", "new") in _statuses(s))
            assert _statuses(subscriber) == [
                ("online", "old"),
                ("offline", "old"),
                ("online", "new"),
            ]
            old.run_until(lambda: not old.links[-1].up)
            # mosquitto 2.0 does not tell the old connection that its session was taken over.
            assert "another client" not in str(old.links[-1].reason)
            # It does not fight back: its loop does not run any more.
        old.close(1)


def test_a_broker_that_restarts_finds_the_device_again(tmp_path: Path, broker: Broker) -> None:
    with MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.run_until(device.is_connected)
        for _ in range(3):
            broker.kill()
            device.run_until(lambda: not device.is_connected())
            broker.start()
            device.run_until(device.is_connected)
            device.publish_event()
            device.run_until(device.is_drained)
        assert '"online"' in _retained_status(broker)
        assert [link.up for link in device.links] == [True, *[False, True] * 3]


def test_a_frozen_broker_is_noticed(tmp_path: Path, broker: Broker) -> None:
    with MqttDevice(
        tmp_path, mqtt_settings(broker.port, keepalive_s=1, connect_timeout_s=1)
    ) as device:
        device.run_until(device.is_connected)
        broker.freeze()
        device.publish_event()
        device.run_until(lambda: not device.is_connected(), timeout_s=20)
        broker.thaw()
        device.run_until(device.is_drained)


@pytest.mark.parametrize("up", [True, False])
def test_the_end_is_bounded(tmp_path: Path, broker: Broker, *, up: bool) -> None:
    device = MqttDevice(tmp_path, mqtt_settings(broker.port))
    device.outbox.start()
    device.run_until(device.is_connected)
    device.publish_event()
    broker.freeze() if up else broker.kill()
    began = time.monotonic()
    device.close(0.5)
    assert time.monotonic() - began < 1.5
    broker.thaw() if up else None


def _has_retained_session(broker: Broker, session: str) -> bool:
    return session in _retained_status(broker)


def _retained_status(broker: Broker) -> str:
    command = [
        "mosquitto_sub",
        "-p",
        str(broker.port),
        "-t",
        f"{UP_TOPIC}/status",
        "-C",
        "1",
        "-W",
        "2",
    ]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout


def _statuses(subscriber: MqttSubscriber) -> list[tuple[str, str]]:
    return [(m["status"], m["session"]) for m in subscriber.payloads("up/status")]
