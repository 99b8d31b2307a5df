"""A headless Home Assistant, a broker and the daemon with a clip, without internet: entities appear, change, switch the daemon, and go."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import DEVICE_NAME, DaemonProcess
from support.waiting import wait_for
from system.home_assistant.core import HomeAssistantCore
from system.home_assistant.installation import HomeAssistant
from system.home_assistant.site import (
    BROKER_PORT,
    UP,
    daemon_config,
    read_retained,
    running_site_broker,
)
from system.networks import Network

GUIDE = Path(__file__).parents[3] / "docs" / "home-assistant.md"
PERSON_S = 90.0
"""The clip shows six persons, one after the other, in 140 s."""
FRONT = {
    *("occupancy", "motion", "picture", "online", "fps", "latency", "count/person"),
    *("zone/everywhere/occupancy", "zone/everywhere/count/person", "zone/everywhere/enabled"),
    *("detect", "threshold", "snapshot"),
}


def configuration_of_the_guide() -> str:
    """Return the automation of docs/home-assistant.md, for this device."""
    (block,) = re.findall(r"```yaml\n(automation:.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return str(block.replace("porch", DEVICE_NAME.replace("-", "_")))


@pytest.fixture
def folder(tmp_path: Path, network: Network) -> Iterator[Path]:
    with running_site_broker(network, tmp_path):
        yield tmp_path


def test_entities_follow_the_daemon(
    installation: HomeAssistant, network: Network, folder: Path
) -> None:
    daemon = DaemonProcess(folder, daemon_config(), enter_argv=network.enter_argv())
    core = HomeAssistantCore(
        installation,
        network,
        folder / "core",
        broker_port=BROKER_PORT,
        configuration=configuration_of_the_guide(),
    )
    with daemon, core:
        states = core.await_state({"camera/front/online": "on", "camera/back/online": "on"})
        names = {name.removeprefix("camera/front/") for name in states if "/front/" in name}
        assert names == FRONT
        assert states["camera/front/occupancy"]["entity_id"] == (
            "binary_sensor.bench_1_front_occupancy"
        )
        assert {"problem", "model", "restart"} <= set(states)

        nobody = {"camera/front/occupancy": "off", "camera/front/count/person": "0"}
        core.await_state(nobody, PERSON_S)
        person = {"camera/front/occupancy": "on", "camera/front/count/person": "1"}
        core.await_state(person | {"camera/front/zone/everywhere/occupancy": "on"}, PERSON_S)
        (notification,) = wait_for(lambda: core.ask("notifications"), poll_s=0.2)
        assert notification["message"] == "Somebody is at the door"
        core.await_state(nobody, PERSON_S)

        check_switches(core, network)

        daemon.config.write_text(
            daemon.config.read_text().replace("[camera.back]\n", "[camera.yard]\n")
        )
        daemon.send_signal(signal.SIGHUP)
        core.await_state({"camera/yard/online": "on"})
        wait_for(lambda: not [name for name in core.states() if "/back/" in name])
        assert core.complaints() == []


def check_switches(core: HomeAssistantCore, network: Network) -> None:
    """Turn every switch in Home Assistant, and see it in the daemon's own messages."""
    switches = f"{UP}/camera/front/switches"
    core.call("switch", "turn_off", "camera/front/detect")
    core.await_state({"camera/front/detect": "off", "camera/front/occupancy": "off"})
    assert read_retained(network, switches)["detect"] is False
    core.call("switch", "turn_on", "camera/front/detect")
    core.await_state({"camera/front/detect": "on"})
    core.call("number", "set_value", "camera/front/threshold", value=0.55)
    core.await_state({"camera/front/threshold": "0.55"})
    assert read_retained(network, switches)["threshold"] == 0.55
    core.call("switch", "turn_off", "camera/front/zone/everywhere/enabled")
    core.await_state({"camera/front/zone/everywhere/enabled": "off"})
    assert read_retained(network, switches)["zones"] == {"everywhere": False}


def test_states_come_back_with_home_assistant_and_go_with_the_feature(
    installation: HomeAssistant, network: Network, folder: Path
) -> None:
    enter = network.enter_argv()
    core = HomeAssistantCore(installation, network, folder / "core", broker_port=BROKER_PORT)
    online = {"camera/front/online": "on"}
    with DaemonProcess(folder, daemon_config(), enter_argv=enter):
        with core:
            before = core.await_state(online)
        with core:
            after = core.await_state(online)
            assert {name: one["entity_id"] for name, one in after.items()} == {
                name: one["entity_id"] for name, one in before.items()
            }
    with core:
        wait_for(lambda: is_discovered(core), timeout_s=60, poll_s=0.2)
        with DaemonProcess(folder, daemon_config(enabled=False), enter_argv=enter):
            wait_for(lambda: not core.states(), timeout_s=60, state=core.states, poll_s=0.2)


def is_discovered(core: HomeAssistantCore) -> bool:
    """Return whether it has the entities from the broker, not only from its own files."""
    states = core.states()
    return bool(states) and not any(one["attributes"].get("restored") for one in states.values())
