"""The examples of docs/programs.md run as they stand there, but for the broker's port."""

import re
import sys
from pathlib import Path

from edged.client import EdgedClient, LinkUp, MqttSettings
from support.broker import Broker, running_broker
from support.followers import FollowerProcess, FollowingClient
from support.mqtt_device import MqttDevice, mqtt_settings
from support.waiting import wait_for

PAGE = (Path(__file__).parents[3] / "docs" / "programs.md").read_text("utf-8")
SUBSCRIBED = "Sending SUBACK"


def example() -> str:
    """Return the example of a program."""
    found = re.search(r"<!-- example -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_program_in_ten_lines(tmp_path: Path) -> None:
    assert len([line for line in example().splitlines() if line]) <= 10
    with running_broker(Broker(tmp_path / "broker")) as broker:
        code = example().replace("port=1883", f"port={broker.port}")
        assert str(broker.port) in code
        with (
            FollowerProcess([sys.executable, "-u", "-c", code], tmp_path / "printed") as program,
            MqttDevice(tmp_path, mqtt_settings(broker.port)) as device,
        ):
            wait_for(lambda: SUBSCRIBED in broker.log, state=lambda: broker.log)
            device.run_until(device.is_connected)
            device.publish_event()
            device.run_until(device.is_drained)
            wait_for(lambda: program.lines() == ["shop-12 front: person 81%"], state=program.lines)


def test_every_name_in_the_text_is_one_of_the_module() -> None:
    import edged.client

    for name in re.findall(r"`([A-Z]\w+)`", PAGE):
        assert hasattr(edged.client, name), name


def test_chosen_devices_and_topics(tmp_path: Path) -> None:
    with (
        running_broker(Broker(tmp_path / "broker")) as broker,
        FollowingClient(
            MqttSettings(host="127.0.0.1", port=broker.port),
            devices=["porch", "hall"],
            topics=["camera/+/events", "gap"],
        ) as client,
    ):
        client.await_notice(LinkUp)
        assert isinstance(client, EdgedClient)
        for topic in ("porch/up/camera/+/events", "hall/up/gap", "hall/up/reply"):
            assert f"edged/v1/{topic}" in broker.log
