"""The collection against the real edged: its command, with and without a daemon, and its messages at a real broker."""

import json
import os
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.updates.rules.desired import DesiredState, encode_desired
from support import fetch_server
from support.bundles import SigningKeys, make_bundle
from support.daemon import DEVICE_NAME
from support.simulated_fleet import AnsibleController, needs_ansible
from support.update_device import (
    MINIMAL_TRIAL,
    UpdateDevice,
    bundle_digest,
    desired_topic,
    make_config,
    running_device,
)

pytestmark = [needs_ansible, pytest.mark.timeout(300)]

EDGED = str(Path(sys.executable).with_name("edged"))
SIMULATED = 'runtime = "simulated"'


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[UpdateDevice]:
    with running_device(tmp_path, model=SIMULATED, updates="channel = true") as running:
        running.recorder.await_event("start")
        yield running


@pytest.fixture
def controller(tmp_path: Path) -> AnsibleController:
    return AnsibleController(tmp_path / "controller")


def module_arguments(config: Path) -> dict[str, Any]:
    return {"command": EDGED, "config": str(config)}


def test_a_daemon_installs_and_goes_back(
    camera: UpdateDevice, controller: AnsibleController
) -> None:
    bundle = camera.make_simulated_bundle("ansible", probation=MINIMAL_TRIAL)
    on_device = module_arguments(camera.daemon.config)
    first = controller.run_module("edged_model", src=str(bundle), **on_device)
    assert (first["changed"], first["outcome"]) == (True, "committed"), first
    assert first["digest"] == bundle_digest(bundle)
    assert first["diff"]["after"].startswith("current: ansible@1 ")
    assert not controller.run_module("edged_model", src=str(bundle), **on_device)["changed"]
    info = controller.run_module(
        "edged_model_info", state_dir=str(camera.state_dir), version=True, **on_device
    )
    assert (info["digest"], info["status"]["daemon"]) == (first["digest"], True)
    reason = "it misses marks at night"
    back = {"state": "rolled_back", "digest": first["digest"], "reason": reason, **on_device}
    rolled_back = controller.run_module("edged_model", **back)
    assert (rolled_back["changed"], rolled_back["reason"]) == (True, reason)
    kept = controller.run_module("edged_model_info", state_dir=str(camera.state_dir), **on_device)
    assert kept["status"]["past"][-1]["reason"] == reason
    published = camera.await_model_state(
        lambda body: body["last"] and body["last"]["outcome"] == "rolled-back"
    )
    assert (published["last"]["reason"], published["last"]["denied"]) == (reason, False)
    assert not controller.run_module("edged_model", **back)["changed"]


def test_without_a_daemon_it_comes_as_far_as_its_self_test(
    tmp_path: Path, controller: AnsibleController
) -> None:
    signing = SigningKeys()
    (tmp_path / "trust.json").write_bytes(signing.trust_envelope())
    config = tmp_path / "edged.toml"
    device_table = f'[device]\nname = "{DEVICE_NAME}"\nstate_dir = "{tmp_path}/state"\n'
    config.write_text(make_config(tmp_path, 1, model=SIMULATED) + device_table)
    stranger = make_bundle(tmp_path, SigningKeys("stranger"))
    result = controller.run_module("edged_model", src=str(stranger), **module_arguments(config))
    assert result["failed"]
    assert result["outcome"] == "rejected"
    assert "sign" in result["reason"]


def write_desired_file(camera: UpdateDevice, url: str) -> Path:
    """A signed wish for a model, whose bundle is at this URL."""
    bundle = camera.make_simulated_bundle("wish", probation=MINIMAL_TRIAL)
    desired = DesiredState(
        channel="shops", sequence=1, title="wish@1", digest=bundle_digest(bundle), urls=(url,)
    )
    path = camera.folder / "desired.json"
    path.write_bytes(camera.signing.desired_envelope(encode_desired(desired)))
    return path


def test_a_channel_is_published_once_and_waited_for(
    camera: UpdateDevice, controller: AnsibleController
) -> None:
    broker: dict[str, Any] = {"host": "127.0.0.1", "port": camera.broker.port, "settle": 1}
    arguments: dict[str, Any] = {"devices": [DEVICE_NAME, "nobody"], "timeout": 30, **broker}
    arguments["desired"] = str(write_desired_file(camera, "http://127.0.0.1:1/wish.edgem"))
    dry = controller.run_module("edged_channel", check=True, **arguments)
    assert dry["changed"]
    assert dry["infos"]["nobody"] == {"unreachable": True, "msg": "up/status: no message"}
    assert dry["infos"][DEVICE_NAME]["status"]["deployment"] is None
    assert dry["infos"][DEVICE_NAME]["board"]["disk_free_mb"] > 0
    first = controller.run_module("edged_channel", **arguments)
    assert first["changed"], first
    assert first["outcomes"]["nobody"]["outcome"] == "in-progress"
    assert first["outcomes"][DEVICE_NAME]["outcome"] == "in-progress"
    assert "127.0.0.1:1" in first["outcomes"][DEVICE_NAME]["reason"]
    second = controller.run_module("edged_channel", **(arguments | {"timeout": 0.1}))
    assert not second["changed"]
    retained = controller.run_module("edged_retained", device=DEVICE_NAME, **broker)
    assert desired_topic() in retained["topics"]
    assert f"edged/v1/{DEVICE_NAME}/up/status" in retained["topics"]
    assert controller.run_module("edged_channel", check=True, **arguments)["changed"]


def test_a_broker_that_is_not_there_is_named(controller: AnsibleController) -> None:
    result = controller.run_module("edged_channel", host="127.0.0.1", port=1, devices=["a"])
    assert result["msg"].startswith("cannot connect to 127.0.0.1:1")


def test_the_playbook_goes_over_the_broker_through_the_same_gate(
    camera: UpdateDevice, controller: AnsibleController
) -> None:
    inventory = camera.folder / "hosts.ini"
    inventory.write_text(f"[edged_devices]\nporch edged_device_name={DEVICE_NAME}\nattic\n")
    broker = {"host": "127.0.0.1", "port": camera.broker.port, "settle": 1}
    variables: dict[str, Any] = {
        "channel_broker": broker,
        "rollout_results_folder": str(camera.folder / "rollouts"),
    }
    with fetch_server.serve_site() as site:
        desired = write_desired_file(camera, f"{site.url}/wish.edgem")
        variables["channel_desired"] = os.path.relpath(desired, controller.folder)
        stopped = controller.play("model_channel", inventory, rollout_timeout_s=2, **variables)
        assert stopped.exit_code != 0
        assert "offline: attic: up/status: no message" in stopped.output
        assert "0 of 1 hosts committed, 100.0 % are required: the rollout stops" in stopped.output
        site.files["/wish.edgem"] = (camera.folder / "bundles" / "wish-1.edgem").read_bytes()
        camera.await_model_state(
            lambda body: (body["installed"] or {}).get("digest") == digest_in(desired)
        )
    again = controller.play("model_channel", inventory, **variables)
    assert again.exit_code == 0, again.output
    assert "up to date before: 1" in again.output


def digest_in(path: Path) -> str:
    digest: str = json.loads(b64decode(json.loads(path.read_bytes())["payload"]))["digest"]
    return digest
