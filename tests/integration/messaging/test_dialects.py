"""Dialects through a real broker: what another system receives over an outage, and what a refusal does."""

from pathlib import Path

from edged.registry import DIALECTS, load_driver
from support.broker import Broker, running_broker
from support.examples import event, state
from support.mqtt_device import MqttDevice, mqtt_settings
from support.subscriber import MqttSubscriber

ALL = {name: load_driver(DIALECTS, name).Settings() for name in DIALECTS}
EDGED_ONLY = "topic readwrite edged/#\n"
BOUNDED = "max_queued_messages 1000"
"""Without a limit, mosquitto 2.0.11 ends the connection at a message that it refuses."""
ZONES = {"door": {"person": 1}}


def types(subscriber: MqttSubscriber) -> dict[str, None]:
    """Return the types of Frigate's events in their order; what was not confirmed when the broker stopped, it sends again."""
    return dict.fromkeys(one["type"] for one in subscriber.payloads("frigate/events"))


def test_another_system_sees_an_object_end_that_left_during_an_outage(tmp_path: Path) -> None:
    with (
        running_broker(Broker(tmp_path / "broker")) as broker,
        MqttSubscriber(broker.port, "#") as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port), dialects=ALL) as device,
    ):
        device.run_until(device.is_connected)
        device.outbox.retain(state(counts={"person": 1}, zones=ZONES))
        device.outbox.queue_event(event(id="s1-1"))
        device.run_until(lambda: bool(subscriber.messages("frigate/events")))
        broker.stop()
        device.run_until(lambda: not device.is_connected())
        device.outbox.queue_event(event(id="s1-1", type="end", ended="2026-11-21T09:30:09.000Z"))
        device.outbox.retain(state(zones={"door": {}}))
        broker.start()
        device.run_until(lambda: [*types(subscriber)] == ["new", "end"])
        inside = subscriber.payloads("ObjectsInside/&front/door")
        assert [one["Data"]["IsInside"] for one in inside][-1] is False
        counts = [one.payload for one in subscriber.messages("frigate/front/person")]
        assert (counts[0], counts[-1]) == (b"1", b"0")
        device.run_until(device.is_drained)
    available = [one.payload for one in subscriber.messages("frigate/available")]
    assert available[-1] == b"offline"


def test_a_broker_that_refuses_the_topics_gets_edgeds_own_messages(tmp_path: Path) -> None:
    with (
        running_broker(Broker(tmp_path / "broker", acl=EDGED_ONLY, options=BOUNDED)) as broker,
        MqttSubscriber(broker.port, "#") as subscriber,
        MqttDevice(tmp_path, mqtt_settings(broker.port), dialects=ALL) as device,
    ):
        device.run_until(device.is_connected)
        for number in range(5):
            device.outbox.queue_event(event(id=f"s1-{number}"))
        device.run_until(device.is_drained)
        device.run_until(lambda: device.outbox.list_problems()["publish_limited"] is not None)
        subscriber.wait_until(lambda s: len({m["id"] for m in s.payloads("/events")}) == 5)
        assert device.outbox.list_problems()["publish_refused"] is None
        assert "frigate/" in str(device.outbox.list_problems()["publish_limited"])
        assert [link.up for link in device.links] == [True]
