"""What a device hears, against a real mosquitto: what is kept, what comes just now, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.interfaces import MessageReceived
from edged.publishers.mqtt_client import MAX_PACKET_BYTES
from edged.publishers.mqtt_settings import TlsSettings
from edged.publishers.mqtt_subscriptions import MAX_PAYLOAD_BYTES
from support.broker import Broker, make_certificates, running_broker
from support.mqtt_device import DESIRED_TOPIC, DEVICE_NAME, UP_TOPIC, MqttDevice, mqtt_settings
from support.mqtt_test_broker import MqttTestBroker
from support.subscriber import MqttSubscriber, publish_message

OTHER = "edged/v1/shop-13/down/desired"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


@pytest.fixture(params=["5", "3.1.1"])
def protocol(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"protocol": request.param}


def make_listening_device(folder: Path, broker: Broker, settings: dict[str, Any]) -> MqttDevice:
    return MqttDevice(folder, mqtt_settings(broker.port, **settings), listen=[DESIRED_TOPIC])


def await_received(device: MqttDevice, count: int) -> list[MessageReceived]:
    device.run_until(lambda: len(device.received) == count)
    return device.received[-1:]


def test_retained_messages_come_first_and_live_ones_after_them(
    tmp_path: Path, broker: Broker, protocol: dict[str, Any]
) -> None:
    publish_message(broker.port, DESIRED_TOPIC, b"1", retain=True)
    publish_message(broker.port, OTHER, b"not ours", retain=True)
    with make_listening_device(tmp_path, broker, protocol) as device:
        assert await_received(device, 1) == [MessageReceived(DESIRED_TOPIC, b"1", retained=True)]
        publish_message(broker.port, OTHER, b"not ours", retain=True)
        publish_message(broker.port, DESIRED_TOPIC, b"2", retain=True)
        assert await_received(device, 2) == [MessageReceived(DESIRED_TOPIC, b"2", retained=False)]


def test_the_birth_comes_before_the_subscription(tmp_path: Path, broker: Broker) -> None:
    with make_listening_device(tmp_path, broker, {}) as device:
        device.run_until(device.is_connected)
    log = broker.log
    birth = log.index(
        f"Received PUBLISH from edged-{DEVICE_NAME} (d0, q1, r1, m1, '{UP_TOPIC}/status'"
    )
    assert birth < log.index(f"Received SUBSCRIBE from edged-{DEVICE_NAME}")


def test_every_connection_listens_anew(
    tmp_path: Path, broker: Broker, protocol: dict[str, Any]
) -> None:
    publish_message(broker.port, DESIRED_TOPIC, b"1", retain=True)
    with make_listening_device(tmp_path, broker, protocol) as device:
        await_received(device, 1)
        broker.stop()
        device.run_until(lambda: not device.is_connected())
        broker.start()
        assert await_received(device, 2) == [MessageReceived(DESIRED_TOPIC, b"1", retained=True)]
        publish_message(broker.port, DESIRED_TOPIC, b"2")
        assert await_received(device, 3) == [MessageReceived(DESIRED_TOPIC, b"2", retained=False)]


def test_with_tls_what_came_together_is_read_together(
    tmp_path: Path, protocol: dict[str, Any]
) -> None:
    """A TLS record holds several packets: what was decrypted must not wait for the next byte on the wire."""
    made = make_certificates(tmp_path / "certificates")
    tls = TlsSettings(ca=made.ca, cert=made.client_cert, key=made.client_key)
    payloads = [str(number).encode() for number in range(60)]
    broker = MqttTestBroker(tls=made, messages=[(DESIRED_TOPIC, payload) for payload in payloads])
    with broker.run():
        settings = mqtt_settings(broker.port, host="localhost", tls=tls, **protocol)
        with MqttDevice(tmp_path, settings, listen=[DESIRED_TOPIC]) as device:
            await_received(device, len(payloads))
            assert [message.payload for message in device.received] == payloads


def test_nothing_that_the_device_publishes_comes_back(tmp_path: Path, broker: Broker) -> None:
    with make_listening_device(tmp_path, broker, {}) as device:
        device.run_until(device.is_connected)
        device.publish_event()
        device.run_until(device.is_drained)
        publish_message(broker.port, DESIRED_TOPIC, b"end")
        assert await_received(device, 1) == [MessageReceived(DESIRED_TOPIC, b"end", retained=False)]
    subscriptions = [line for line in broker.log.splitlines() if line.endswith("(QoS 1)")]
    assert [line.split()[1] for line in subscriptions] == [DESIRED_TOPIC]


def test_a_refused_subscription_is_reported_and_the_connection_goes_on(
    tmp_path: Path, protocol: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        running_broker(
            Broker(tmp_path / "broker", allowed_topic_filter="edged/v1/+/up/#")
        ) as broker,
        MqttSubscriber(broker.port, f"{UP_TOPIC}/#") as subscriber,
        make_listening_device(tmp_path, broker, protocol) as device,
    ):
        device.run_until(lambda: bool(device.outbox.list_problems()["subscription_refused"]))
        publish_message(broker.port, DESIRED_TOPIC, b"1", retain=True)
        device.publish_event()
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len(s.messages("/events")) == 1)
        assert f"{DESIRED_TOPIC}: " in str(device.outbox.list_problems()["subscription_refused"])
        assert f"refused the subscription to {DESIRED_TOPIC}" in caplog.text
        assert [link.up for link in device.links] == [True]
        assert device.received == []


def test_what_may_not_be_read_does_not_come_and_the_connection_goes_on(tmp_path: Path) -> None:
    """mosquitto's access list grants the subscription and withholds the messages: nobody is told."""
    acl = f"topic write #\ntopic read {UP_TOPIC}/#\n"
    with (
        running_broker(Broker(tmp_path / "broker", acl=acl)) as broker,
        make_listening_device(tmp_path, broker, {}) as device,
    ):
        device.run_until(device.is_connected)
        publish_message(broker.port, DESIRED_TOPIC, b"1")
        device.publish_event()
        device.run_until(device.is_drained)
        device.run_for(0.3)
        assert device.received == []
        broker.set_acl("topic readwrite #\n")
        publish_message(broker.port, DESIRED_TOPIC, b"2")
        assert await_received(device, 1) == [MessageReceived(DESIRED_TOPIC, b"2", retained=False)]
        assert device.outbox.list_problems()["subscription_refused"] is None


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
    publish_message(broker.port, DESIRED_TOPIC, b"1", retain=True)
    with make_listening_device(tmp_path, broker, protocol) as device:
        await_received(device, 1)  # it has subscribed
        publish_message(broker.port, DESIRED_TOPIC, bytes(MAX_PAYLOAD_BYTES + 1), retain=kept)
        publish_message(broker.port, DESIRED_TOPIC, bytes(2 * MAX_PACKET_BYTES))
        publish_message(broker.port, DESIRED_TOPIC, bytes(MAX_PAYLOAD_BYTES))
        (received,) = await_received(device, 2)
        assert len(received.payload) == MAX_PAYLOAD_BYTES
        assert f"{DESIRED_TOPIC} was discarded: it has {MAX_PAYLOAD_BYTES + 1} bytes" in caplog.text
        assert [link.up for link in device.links] == [True]


def test_with_mqtt_5_what_is_far_too_large_does_not_come_at_all(
    tmp_path: Path, broker: Broker, protocol: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    publish_message(broker.port, DESIRED_TOPIC, b"1", retain=True)
    with make_listening_device(tmp_path, broker, protocol) as device:
        await_received(device, 1)  # it has subscribed
        publish_message(broker.port, DESIRED_TOPIC, bytes(2 * MAX_PACKET_BYTES))
        publish_message(broker.port, DESIRED_TOPIC, b"end")
        await_received(device, 2)
    assert ("was discarded" in caplog.text) == (protocol["protocol"] == "3.1.1")
