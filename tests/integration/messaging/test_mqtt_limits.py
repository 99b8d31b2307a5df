"""A broker's limits: one message that does not fit must not mute the device. Against mosquitto where it can do that, else a small broker of ours."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edged.messaging import refusal_backoff
from edged.messaging.contract.messages import OnlineStatus
from edged.publishers import mqtt_held_topics
from support import mqtt_test_broker as test_broker
from support.broker import Broker, running_broker
from support.examples import detections, state
from support.mqtt_device import DEVICE_NAME, UP_TOPIC, MqttDevice, mqtt_settings
from support.mqtt_test_broker import MqttTestBroker, Publish
from support.subscriber import MqttSubscriber
from support.waiting import wait_for

STATE, EVENTS = "camera/front/state", "camera/front/events"
LARGE_STATE = state(counts={f"label-{number}": number for number in range(200)})
LARGE_ID = "x" * 3000
QUEUES = pytest.mark.parametrize(
    "queue", ["max_queued_messages 0", "max_queued_messages 1000"], ids=["closes", "goes on"]
)
"""mosquitto 2.0.11 ends the connection at a message that it refuses if its queue has no limit."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (refusal_backoff, mqtt_held_topics):
        monkeypatch.setattr(module, "_MIN_PAUSE_S", 0.3)


@contextmanager
def mosquitto(folder: Path, options: str) -> Iterator[tuple[Broker, MqttSubscriber]]:
    with (
        running_broker(Broker(folder / "broker", options=options)) as broker,
        MqttSubscriber(broker.port) as subscriber,
    ):
        yield broker, subscriber


def condition(device: MqttDevice) -> str:
    return device.outbox.list_problems()["publish_limited"] or ""


def publish_events(device: MqttDevice, count: int = 3) -> None:
    for _ in range(count):
        device.publish_event()


# ---- The size of a packet ----------------------------------------------------------------------------------------------------


def test_a_retained_message_above_the_size_limit_does_not_mute_the_device(tmp_path: Path) -> None:
    """It is part of the birth: the broker would end every connection at it."""
    with (
        mosquitto(tmp_path, "max_packet_size 2000") as (broker, subscriber),
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        device.outbox.retain(LARGE_STATE)
        publish_events(device)
        device.run_until(device.is_connected)
        device.run_until(device.is_drained)
        assert len(device.links) == 1
        subscriber.wait_until(lambda s: len(s.messages("/events")) == 3)
        assert subscriber.messages("/state") == []
        assert f"{UP_TOPIC}/{STATE}: messages above the broker's limit of 2000 bytes" in condition(
            device
        )
        device.outbox.retain(state())
        device.run_until(lambda: not condition(device))
        subscriber.wait_until(lambda s: len(s.messages("/state")) == 1)


def test_an_event_that_can_never_pass_becomes_a_gap(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path, "max_packet_size 2000") as (broker, subscriber),
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        publish_events(device, 2)
        device.publish_event(LARGE_ID)
        publish_events(device, 2)
        device.run_until(device.is_connected)
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len(s.messages("/gap")) == 1)
        (gap,) = subscriber.payloads("/gap")
        numbers = [event["seq"] for event in subscriber.payloads("/events")]
        assert (gap["reason"], gap["count"]) == ("rejected", 1)
        assert gap["ranges"] == [[numbers[0] + 2, numbers[0] + 2]]
        assert numbers == [numbers[0] + at for at in (0, 1, 3, 4)]
        assert [link.up for link in device.links] == [True]
        assert "camera/front/events" in condition(device)


@QUEUES
def test_a_size_limit_that_the_broker_does_not_announce_is_learned(
    tmp_path: Path, queue: str
) -> None:
    """mosquitto refuses a payload above `message_size_limit` with a reason that PUBACK cannot have."""
    with (
        mosquitto(tmp_path, f"message_size_limit 2000\n{queue}") as (broker, subscriber),
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        device.outbox.retain(LARGE_STATE)
        publish_events(device, 1)
        device.publish_event(LARGE_ID)
        publish_events(device, 1)
        device.run_until(lambda: bool(device.links) and device.is_drained())
        subscriber.wait_until(lambda s: len({m["id"] for m in s.payloads("/events")}) == 2)
        subscriber.wait_until(lambda s: len(s.messages("/gap")) == 1)
        assert STATE in condition(device)


@pytest.mark.parametrize("option", ["max_packet_size 2000", "message_size_limit 2000"])
def test_with_3_1_1_a_message_that_ends_connections_is_found_and_held(
    tmp_path: Path, option: str
) -> None:
    """The second option acknowledges the message first, so that an innocent one is the first without an answer."""
    with (
        mosquitto(tmp_path, option) as (broker, subscriber),
        MqttDevice(tmp_path, mqtt_settings(broker.port, protocol="3.1.1")) as device,
    ):
        device.outbox.retain(LARGE_STATE)
        publish_events(device)
        device.run_until(lambda: f"{UP_TOPIC}/{STATE}: the broker ended" in condition(device))
        assert "held back" in condition(device)
        device.run_until(device.is_drained)
        subscriber.wait_until(lambda s: len({m["id"] for m in s.payloads("/events")}) == 3)
        device.outbox.retain(state())
        device.run_until(lambda: not condition(device))


def test_with_3_1_1_an_event_that_ends_connections_waits_as_after_a_refusal(tmp_path: Path) -> None:
    """Nothing is known of its kind: it could be an access rule, which an operator will change."""
    broker = MqttTestBroker(answer=lambda publish: None if EVENTS in publish.topic else 0)
    with (
        broker.run(),
        MqttDevice(tmp_path, mqtt_settings(broker.port, protocol="3.1.1")) as device,
    ):
        publish_events(device)
        device.run_until(lambda: bool(device.outbox.list_problems()["publish_refused"]))
        assert f"{UP_TOPIC}/{EVENTS}: the broker ended 3 connections" in str(
            device.outbox.list_problems()["publish_refused"]
        )
        broker.answer = lambda _: 0
        device.run_until(device.is_drained)
        assert broker.topics().count(EVENTS) == 3
        assert device.outbox.list_problems()["publish_refused"] is None


def test_an_event_whose_size_ends_connections_becomes_a_gap_in_the_end(tmp_path: Path) -> None:
    """Smaller events on its topic were accepted: it would hold all others up until it expires."""
    broker = MqttTestBroker(answer=lambda publish: None if publish.size > 2000 else 0)
    with (
        broker.run(),
        MqttDevice(tmp_path, mqtt_settings(broker.port, protocol="3.1.1")) as device,
    ):
        publish_events(device, 2)
        device.publish_event(LARGE_ID)
        publish_events(device, 1)
        device.run_until(lambda: bool(device.links) and device.is_drained(), timeout_s=30)
        arrived = {publish.payload for publish in broker.published if EVENTS in publish.topic}
        assert len(arrived) == 3
        assert broker.topics().count("gap") == 1


# ---- What else CONNACK announces ---------------------------------------------------------------------------------------------


def test_a_broker_without_retained_messages_is_used_all_the_same(tmp_path: Path) -> None:
    """It refuses a CONNECT whose will is retained, and ends the connection at a retained message."""
    with (
        mosquitto(tmp_path, "retain_available false") as (broker, subscriber),
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        publish_events(device)
        device.run_until(lambda: device.is_connected() and device.is_drained())
        assert "Retain not supported" in str(device.links[0].reason)
        assert "retains no messages" in condition(device)
        subscriber.wait_until(lambda s: len(s.messages("/events")) == 3)
        assert subscriber.payloads("/status")[0]["status"] == "online"
        assert [link.up for link in device.links] == [False, True]


def test_a_broker_without_qos_1_gets_qos_0(tmp_path: Path) -> None:
    with (
        mosquitto(tmp_path, "max_qos 0") as (broker, subscriber),
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        publish_events(device)
        device.run_until(lambda: device.is_connected() and device.is_drained())
        subscriber.wait_until(lambda s: len(s.messages("/events")) == 3)
        assert "without acknowledgement" in condition(device)
        assert [link.up for link in device.links] == [False, True]


def test_the_keep_alive_of_the_broker_replaces_ours(tmp_path: Path) -> None:
    broker = MqttTestBroker({test_broker.SERVER_KEEP_ALIVE: 1})
    with (
        broker.run(),
        MqttDevice(tmp_path, mqtt_settings(broker.port, keepalive_s=60)) as device,
    ):
        device.run_until(device.is_connected)
        device.run_until(lambda: broker.pings > 1)
        assert len(device.links) == 1


def test_a_broker_without_keep_alive_does_not_keep_the_loop_busy(tmp_path: Path) -> None:
    broker = MqttTestBroker({test_broker.SERVER_KEEP_ALIVE: 0})
    with broker.run(), MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.run_until(device.is_connected)
        device.run_for(0.2)
        turns, until = 0, time.monotonic() + 0.5
        while time.monotonic() < until:
            device.run_once()
            turns += 1
        assert turns < 100
        assert broker.pings == 0


def test_every_property_of_connack_is_respected(tmp_path: Path) -> None:
    properties: dict[int, int | str] = {
        test_broker.SESSION_EXPIRY: 0,
        test_broker.RECEIVE_MAXIMUM: 2,
        test_broker.MAXIMUM_QOS: 0,
        test_broker.RETAIN_AVAILABLE: 0,
        test_broker.MAXIMUM_PACKET_SIZE: 700,
        test_broker.ASSIGNED_CLIENT_ID: "given",
        test_broker.TOPIC_ALIAS_MAXIMUM: 0,
        test_broker.WILDCARDS: 0,
        test_broker.SUBSCRIPTION_IDS: 0,
        test_broker.SHARED: 0,
        test_broker.SERVER_KEEP_ALIVE: 5,
    }
    broker = MqttTestBroker(properties)
    topic = f"edged/v1/{DEVICE_NAME}/down/desired"
    with (
        broker.run(),
        MqttDevice(tmp_path, mqtt_settings(broker.port), listen=[topic]) as device,
    ):
        device.outbox.retain(LARGE_STATE)
        publish_events(device, 10)
        device.run_until(lambda: device.is_connected() and device.is_drained())
        wait_for(lambda: broker.topics().count(EVENTS) == 10)
        wait_for(lambda: broker.packets)
    assert broker.violations == []
    assert {(publish.qos, publish.retain) for publish in broker.published} == {(0, False)}
    ((_, subscribe),) = broker.packets
    assert subscribe[2:] == b"\0" + len(topic).to_bytes(2) + topic.encode() + b"\1"


def test_limits_that_are_gone_at_the_next_connection_end_the_condition(tmp_path: Path) -> None:
    broker = MqttTestBroker({test_broker.MAXIMUM_PACKET_SIZE: 2000})
    with broker.run(), MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.outbox.retain(LARGE_STATE)
        device.run_until(lambda: device.is_connected() and STATE in condition(device))
        broker.properties = {}
        broker.answer = lambda _: test_broker.disconnect_packet(0x8B)
        publish_events(device, 1)
        device.run_until(lambda: not device.is_connected())
        broker.answer = lambda _: 0
        device.run_until(lambda: device.is_connected() and not condition(device))
        wait_for(lambda: STATE in broker.topics())


# ---- Brokers that end connections ----------------------------------------------------------------------------------------------


def test_a_broker_that_closes_at_a_refused_event_gets_the_promised_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mosquitto 2.0.11 with `max_queued_messages 0` closes the connection at a PUBLISH that its access list denies."""
    monkeypatch.setattr(refusal_backoff, "_MIN_PAUSE_S", 60.0)
    acl = f"topic write {UP_TOPIC}/status\ntopic read #\n"
    with (
        running_broker(Broker(tmp_path / "broker", acl=acl)) as broker,
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        publish_events(device)
        device.run_until(lambda: bool(device.outbox.list_problems()["publish_refused"]))
        device.run_until(device.is_connected)
        denied = broker.log.count("Denied PUBLISH")
        device.run_for(2.0)
        assert broker.log.count("Denied PUBLISH") == denied
        assert device.is_connected()
        assert device.outbox.spool_state().depth == 3


@QUEUES
def test_a_refused_retained_message_is_held_and_the_rest_arrives(
    tmp_path: Path, queue: str
) -> None:
    acl = f"topic write {UP_TOPIC}/status\ntopic write {UP_TOPIC}/{EVENTS}\ntopic read #\n"
    with (
        running_broker(Broker(tmp_path / "broker", acl=acl, options=queue)) as broker,
        MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
    ):
        device.outbox.retain(state())
        publish_events(device)
        device.run_until(lambda: bool(device.links) and device.is_drained())
        assert f"{UP_TOPIC}/{STATE}" in condition(device)
        broker.set_acl(f"topic write {UP_TOPIC}/#\ntopic read #\n")
        device.run_until(lambda: not condition(device))


@pytest.mark.parametrize(
    ("ending", "hinted"),
    [(test_broker.disconnect_packet(0x8E), True), (None, False)],
    ids=["session taken over", "no reason"],
)
def test_another_client_is_suspected_only_if_the_broker_says_so(
    tmp_path: Path, ending: bytes | None, *, hinted: bool
) -> None:
    broker = MqttTestBroker(answer=lambda _: ending)
    with broker.run(), MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.run_until(lambda: sum(not link.up for link in device.links) > 1)
        reasons = [str(link.reason) for link in device.links if not link.up]
        assert all(("another client" in reason) is hinted for reason in reasons)


def test_the_words_of_the_broker_reach_the_log(tmp_path: Path) -> None:
    broker = MqttTestBroker(
        {test_broker.REASON_STRING: "no\x1b[31m licence"}, accept=lambda _: 0x8A
    )
    with broker.run(), MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:
        device.run_until(lambda: bool(device.links))
        assert r"Banned (no\x1b[31m licence)" in str(device.links[0].reason)


def test_a_broker_that_closes_at_a_subscription_still_gets_messages(tmp_path: Path) -> None:
    """The subscription is part of every connection, like the birth."""
    broker = MqttTestBroker(allows_subscriptions=False)
    topic = f"edged/v1/{DEVICE_NAME}/down/desired"
    with (
        broker.run(),
        MqttDevice(tmp_path, mqtt_settings(broker.port), listen=[topic]) as device,
    ):
        device.run_until(
            lambda: f"the subscription to {topic}: the broker ended 3" in condition(device)
        )
        publish_events(device)
        device.run_until(lambda: device.is_connected() and device.is_drained())
        broker.allows_subscriptions = True
        device.run_until(lambda: not condition(device))
        assert len(broker.packets) > 1


def test_detections_at_which_the_broker_closes_are_held_and_events_arrive(tmp_path: Path) -> None:
    """They have QoS 0, and no answer."""
    broker = MqttTestBroker(answer=lambda one: None if "detections" in one.topic else 0)
    with broker.run(), MqttDevice(tmp_path, mqtt_settings(broker.port)) as device:

        def is_held() -> bool:
            device.outbox.publish_detections(detections())
            return "camera/front/detections: the broker ended" in condition(device)

        device.run_until(is_held, timeout_s=30)
        publish_events(device)
        device.run_until(lambda: device.is_connected() and device.is_drained())
        wait_for(lambda: broker.topics().count(EVENTS) >= 3)
        broker.answer = lambda _: 0

        def is_over() -> bool:
            device.outbox.publish_detections(detections())
            publish_events(device, 1)
            return not condition(device)

        device.run_until(is_over)


# ---- The orderly end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_end_that_the_broker_does_not_acknowledge_leaves_the_will(
    tmp_path: Path, protocol: str
) -> None:
    """Otherwise `stopping`, and health and states of a running daemon, would stay retained for ever."""
    thaw = threading.Event()
    settings: dict[str, Any] = {"protocol": protocol}

    def answer(publish: Publish) -> int:
        if b'"stopping"' in publish.payload:
            thaw.wait(20)
        return 0

    broker = MqttTestBroker(answer=answer)
    with broker.run():
        device = MqttDevice(tmp_path, mqtt_settings(broker.port, **settings))
        device.outbox.start()
        device.run_until(device.is_connected)
        device.outbox.retain(OnlineStatus(status="stopping"))
        device.close(0.3)
        thaw.set()
        wait_for(lambda: broker.published[-1].payload.count(b'"offline"'))
        if protocol == "5":
            wait_for(lambda: broker.disconnects)
    assert [body[:1] for body in broker.disconnects] == ([b"\x04"] if protocol == "5" else [])
