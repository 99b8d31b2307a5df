"""What a device hears, against a real mosquitto: what is kept, what comes just now, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.interfaces import Received
from edged.publishers.mqtt_client import MOST_PACKET_BYTES
from edged.publishers.mqtt_ears import MOST_PAYLOAD_BYTES
from support.broker import Broker, running
from support.device import DESIRED, DEVICE, UP, Device, mqtt_settings
from support.subscriber import Subscriber, say

OTHER = "edged/v1/shop-13/down/desired"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path / "broker")) as broker:
        yield broker


@pytest.fixture(params=["5", "3.1.1"])
def protocol(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"protocol": request.param}


def listening(folder: Path, broker: Broker, settings: dict[str, Any]) -> Device:
    return Device(folder, mqtt_settings(broker.port, **settings), listen=[DESIRED])


def until_heard(device: Device, count: int) -> list[Received]:
    device.run_until(lambda: len(device.received) == count)
    return device.received[-1:]


def test_what_was_kept_comes_first_and_what_is_said_now_after_it(
    tmp_path: Path, broker: Broker, protocol: dict[str, Any]
) -> None:
    say(broker.port, DESIRED, b"1", retain=True)
    say(broker.port, OTHER, b"not ours", retain=True)
    with listening(tmp_path, broker, protocol) as device:
        assert until_heard(device, 1) == [Received(DESIRED, b"1", retained=True)]
        say(broker.port, OTHER, b"not ours", retain=True)
        say(broker.port, DESIRED, b"2", retain=True)
        assert until_heard(device, 2) == [Received(DESIRED, b"2", retained=False)]


def test_the_birth_comes_before_the_subscription(tmp_path: Path, broker: Broker) -> None:
    with listening(tmp_path, broker, {}) as device:
        device.run_until(device.connected)
    log = broker.log
    birth = log.index(f"Received PUBLISH from edged-{DEVICE} (d0, q1, r1, m1, '{UP}/status'")
    assert birth < log.index(f"Received SUBSCRIBE from edged-{DEVICE}")


def test_every_connection_listens_anew(
    tmp_path: Path, broker: Broker, protocol: dict[str, Any]
) -> None:
    say(broker.port, DESIRED, b"1", retain=True)
    with listening(tmp_path, broker, protocol) as device:
        until_heard(device, 1)
        broker.stop()
        device.run_until(lambda: not device.connected())
        broker.start()
        assert until_heard(device, 2) == [Received(DESIRED, b"1", retained=True)]
        say(broker.port, DESIRED, b"2")
        assert until_heard(device, 3) == [Received(DESIRED, b"2", retained=False)]


def test_nothing_that_the_device_says_comes_back(tmp_path: Path, broker: Broker) -> None:
    with listening(tmp_path, broker, {}) as device:
        device.run_until(device.connected)
        device.event()
        device.run_until(device.drained)
        say(broker.port, DESIRED, b"end")
        assert until_heard(device, 1) == [Received(DESIRED, b"end", retained=False)]
    subscriptions = [line for line in broker.log.splitlines() if line.endswith("(QoS 1)")]
    assert [line.split()[1] for line in subscriptions] == [DESIRED]


def test_a_refused_subscription_is_told_and_the_connection_goes_on(
    tmp_path: Path, protocol: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        running(Broker(tmp_path / "broker", hears="edged/v1/+/up/#")) as broker,
        Subscriber(broker.port, f"{UP}/#") as subscriber,
        listening(tmp_path, broker, protocol) as device,
    ):
        device.run_until(lambda: bool(device.outbox.complaints()["unheard"]))
        say(broker.port, DESIRED, b"1", retain=True)
        device.event()
        device.run_until(device.drained)
        subscriber.wait(lambda s: len(s.messages("/events")) == 1)
        assert device.outbox.complaints()["unheard"].startswith(f"{DESIRED}: ")
        assert f"refuses to send {DESIRED}" in caplog.text
        assert [link.up for link in device.links] == [True]
        assert device.received == []


def test_what_may_not_be_read_does_not_come_and_the_connection_goes_on(tmp_path: Path) -> None:
    """mosquitto's access list grants the subscription and withholds the messages: nobody is told."""
    acl = f"topic write #\ntopic read {UP}/#\n"
    with (
        running(Broker(tmp_path / "broker", acl=acl)) as broker,
        listening(tmp_path, broker, {}) as device,
    ):
        device.run_until(device.connected)
        say(broker.port, DESIRED, b"1")
        device.event()
        device.run_until(device.drained)
        device.run_for(0.3)
        assert device.received == []
        broker.set_acl("topic readwrite #\n")
        device.run_for(0.3)
        say(broker.port, DESIRED, b"2")
        assert until_heard(device, 1) == [Received(DESIRED, b"2", retained=False)]
        assert device.outbox.complaints()["unheard"] == ""


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_too_large_is_left_out_and_the_connection_goes_on(
    tmp_path: Path,
    broker: Broker,
    protocol: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    *,
    kept: bool,
) -> None:
    caplog.set_level("WARNING")
    say(broker.port, DESIRED, b"1", retain=True)
    with listening(tmp_path, broker, protocol) as device:
        until_heard(device, 1)  # it has subscribed
        say(broker.port, DESIRED, bytes(MOST_PAYLOAD_BYTES + 1), retain=kept)
        say(broker.port, DESIRED, bytes(2 * MOST_PACKET_BYTES))
        say(broker.port, DESIRED, bytes(MOST_PAYLOAD_BYTES))
        (heard,) = until_heard(device, 2)
        assert len(heard.payload) == MOST_PAYLOAD_BYTES
        assert f"{DESIRED} was left out: it has {MOST_PAYLOAD_BYTES + 1} bytes" in caplog.text
        assert [link.up for link in device.links] == [True]


def test_with_mqtt_5_what_is_far_too_large_does_not_come_at_all(
    tmp_path: Path, broker: Broker, protocol: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    say(broker.port, DESIRED, b"1", retain=True)
    with listening(tmp_path, broker, protocol) as device:
        until_heard(device, 1)  # it has subscribed
        say(broker.port, DESIRED, bytes(2 * MOST_PACKET_BYTES))
        say(broker.port, DESIRED, b"end")
        until_heard(device, 2)
    assert ("was left out" in caplog.text) == (protocol["protocol"] == "3.1.1")
