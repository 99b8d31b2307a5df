"""Home Assistant's discovery by the whole daemon over a real broker: announced, sent again on request, changed by a reload, and deleted."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.broker import Broker, running_broker
from support.daemon import DEVICE_NAME, DaemonProcess
from support.subscriber import MqttSubscriber, publish_message
from support.waiting import wait_for

TOPIC = f"homeassistant/device/edged-{DEVICE_NAME}/config"
CONFIG = """
[model]
runtime = "simulated"
[camera.a]
source = "synthetic"
fps = 10
[camera.a.zone.door]
points = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def config(broker: Broker, *, enabled: bool = True) -> str:
    tables = f"[home_assistant]\nenabled = {str(enabled).lower()}\n"
    return f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{tables}{CONFIG}'


def payloads(subscriber: MqttSubscriber) -> list[bytes]:
    return [message.payload for message in subscriber.messages() if message.topic == TOPIC]


def newest_components(subscriber: MqttSubscriber) -> dict[str, Any]:
    """Return the components of the newest discovery message; {} if there is none."""
    found = payloads(subscriber)
    components: dict[str, Any] = json.loads(found[-1])["cmps"] if found and found[-1] else {}
    return components


def test_a_device_is_announced_changed_and_withdrawn(broker: Broker, tmp_path: Path) -> None:
    with MqttSubscriber(broker.port, "#") as subscriber:
        with DaemonProcess(tmp_path, config(broker)) as daemon:
            # The counts by label come with the model.
            wait_for(lambda: any("count" in name for name in newest_components(subscriber)))
            assert "camera/a/zone/door/occupancy" in newest_components(subscriber)

            up = f"edged/v1/{DEVICE_NAME}/up"
            topics = {f"{up}/status", f"{up}/info", f"{up}/model", f"{up}/camera/a/state", TOPIC}
            before = len(subscriber.messages())
            publish_message(broker.port, "homeassistant/status", b"online")
            wait_for(lambda: topics <= {m.topic for m in subscriber.messages()[before:]})

            daemon.config.write_text(daemon.config.read_text().replace("zone.door", "zone.gate"))
            daemon.send_signal(signal.SIGHUP)
            wait_for(lambda: "camera/a/zone/gate/occupancy" in newest_components(subscriber))
            removed = newest_components(subscriber)["camera/a/zone/door/occupancy"]
            assert removed == {"p": "binary_sensor"}
        with DaemonProcess(tmp_path, config(broker, enabled=False)):
            wait_for(lambda: payloads(subscriber)[-1] == b"")


def test_a_broker_that_refuses_it_all_leaves_the_rest_alone(tmp_path: Path) -> None:
    rules = Broker(tmp_path / "broker", allowed_topic_filter="edged/#")
    with (
        running_broker(rules) as broker,
        MqttSubscriber(broker.port) as subscriber,
        DaemonProcess(tmp_path, config(broker)),
    ):

        def conditions() -> set[str]:
            health = [m.json for m in subscriber.messages() if m.topic.endswith("/up/health")]
            return {one["name"] for one in health[-1]["degradations"]} if health else set()

        wait_for(lambda: "subscription_refused" in conditions(), state=conditions)
        wait_for(
            lambda: any(
                m.topic.endswith("/a/state") and m.json["online"] for m in subscriber.messages()
            )
        )
