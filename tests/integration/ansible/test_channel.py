"""Rollouts over a real broker: waves that pass and that do not, names, and a broker that is started anew."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from edged.updates.rules.desired import DesiredState, encode_desired
from support.broker import Broker, running_broker
from support.bundles import SigningKeys
from support.channel_fleet import ChannelFleet, model_state
from support.simulated_fleet import AnsibleController, PlaybookResult, needs_ansible
from support.waiting import wait_for

pytestmark = [needs_ansible, pytest.mark.timeout(300)]

DIGEST = "5e" * 32


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as one:
        yield one


@pytest.fixture
def controller(tmp_path: Path) -> AnsibleController:
    return AnsibleController(tmp_path / "controller")


def write_desired_file(folder: Path) -> str:
    desired = DesiredState(
        channel="shops",
        sequence=3,
        title="marks@2",
        digest=DIGEST,
        urls=("https://m.example/x.edgem",),
    )
    path = folder / "desired.json"
    path.write_bytes(SigningKeys().desired_envelope(encode_desired(desired)))
    return str(path)


def play(
    controller: AnsibleController, broker: Broker, hosts: str, *options: str, **variables: Any
) -> PlaybookResult:
    inventory = controller.folder / "hosts.ini"
    inventory.write_text("[edged_devices]\n" + hosts.replace(" ", "\n") + "\n")
    defaults = {
        "channel_broker": {"host": "127.0.0.1", "port": broker.port, "settle": 1},
        "channel_desired": write_desired_file(controller.folder),
        "rollout_results_folder": "rollouts",
        "rollout_timeout_s": 20,
    }
    return controller.play("model_channel", inventory, *options, **(defaults | variables))


def waves(controller: AnsibleController) -> list[list[str]]:
    path = controller.folder / "rollouts" / DIGEST[:12] / "rollout.json"
    return [sorted(wave["hosts"]) for wave in json.loads(path.read_text())["wave_results"]]


def test_waves_follow_a_wave_that_passes_and_failures_are_reported(
    broker: Broker, controller: AnsibleController
) -> None:
    outcomes = {"shop-1": "rolled-back", "shop-2": "committed", "shop-3": "committed"}
    with ChannelFleet(broker.port, outcomes | {"shop-4": "committed"}) as fleet:
        hosts = "shop.1 shop.2 shop.3 shop.4"
        knobs = ("canaries=1", "canary_hosts=shop.2", "waves=2,1", "min_wave_share=0.5")
        options = [word for knob in knobs for word in ("-e", f"rollout_{knob}")]
        played = play(controller, broker, hosts, *options)
        assert fleet.notified[0] == "shop-2"
        assert sorted(fleet.notified) == ["shop-1", "shop-2", "shop-3", "shop-4"]
    assert waves(controller) == [["shop.2"], ["shop.1", "shop.3"], ["shop.4"]]
    assert "committed: 3 in 3 waves" in played.output
    assert played.exit_code != 0, "one of them failed"
    assert "rolled-back: why" in played.output


def test_a_wave_that_fails_is_the_last(broker: Broker, controller: AnsibleController) -> None:
    outcomes = {"shop-1": "committed", "shop-2": "rejected", "shop-3": "committed"}
    with ChannelFleet(broker.port, outcomes) as fleet:
        played = play(
            controller, broker, "shop-1 shop-2 shop-3", rollout_canaries=1, rollout_waves=[1]
        )
        assert fleet.notified == ["shop-1", "shop-2"]
    assert played.exit_code != 0
    assert "too few hosts of the wave committed" in played.output


def test_devices_unknown_to_the_broker_are_a_mistake(
    broker: Broker, controller: AnsibleController
) -> None:
    with ChannelFleet(broker.port, {"shop-1": "committed"}):
        played = play(controller, broker, "shop_1 shop_2")
    assert played.exit_code != 0
    assert "has no message of any device: shop_1, shop_2" in played.output
    assert not (controller.folder / "rollouts").exists()


def test_force_is_refused(broker: Broker, controller: AnsibleController) -> None:
    played = play(controller, broker, "shop-1", "-e", "rollout_force=true")
    assert played.exit_code != 0
    assert "rollout_force has no effect over the broker" in played.output


def test_a_broker_may_be_started_anew_while_a_wave_is_waited_for(
    broker: Broker, controller: AnsibleController
) -> None:
    arguments: dict[str, Any] = {"host": "127.0.0.1", "port": broker.port, "settle": 1}
    arguments |= {
        "devices": ["shop-1"],
        "desired": write_desired_file(controller.folder),
        "timeout": 90,
    }
    with (
        ChannelFleet(broker.port, {"shop-1": "unresponsive"}) as fleet,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(controller.run_module, "edged_channel", **arguments)
        assert wait_for(lambda: fleet.notified, timeout_s=30) == ["shop-1"]
        broker.stop()
        broker.start()
        there = {"name": "marks@2", "digest": DIGEST}
        fleet.publish("shop-1", "model", model_state(sequence=3, installed=there))
        result = waiting.result()
    assert result["outcomes"]["shop-1"]["outcome"] == "committed"
