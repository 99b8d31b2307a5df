"""The collection against the real edged: its command, with and without a daemon, and its messages at a real broker."""

import json
import os
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.updates.rules.desired import Desired, write_desired
from support import fetch_server
from support.bundles import Signing, make_bundle
from support.daemon import DEVICE
from support.fleet import Controller, needs_ansible
from support.updating import BRIEF, Device, configuration, desired_topic, device, digest_of

pytestmark = [needs_ansible, pytest.mark.timeout(300)]

EDGED = str(Path(sys.executable).with_name("edged"))
SIMULATED = 'runtime = "simulated"'


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Device]:
    with device(tmp_path, model=SIMULATED, updates="channel = true") as running:
        running.witness.await_event("start")
        yield running


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path / "controller")


def here(config: Path) -> dict[str, Any]:
    return {"command": EDGED, "config": str(config)}


def test_a_daemon_installs_and_goes_back(camera: Device, controller: Controller) -> None:
    bundle = camera.make_believe("ansible", probation=BRIEF)
    on_device = here(camera.daemon.config)
    first = controller.module("edged_model", src=str(bundle), **on_device)
    assert (first["changed"], first["outcome"]) == (True, "committed"), first
    assert first["digest"] == digest_of(bundle)
    assert first["diff"]["after"].startswith("current: ansible@1 ")
    assert not controller.module("edged_model", src=str(bundle), **on_device)["changed"]
    told = controller.module(
        "edged_model_info", state_dir=str(camera.state), version=True, **on_device
    )
    assert (told["digest"], told["status"]["daemon"]) == (first["digest"], True)
    reason = "it misses marks at night"
    back = {"state": "rolled_back", "digest": first["digest"], "reason": reason, **on_device}
    gone = controller.module("edged_model", **back)
    assert (gone["changed"], gone["reason"]) == (True, reason)
    kept = controller.module("edged_model_info", state_dir=str(camera.state), **on_device)
    assert kept["status"]["past"][-1]["reason"] == reason
    published = camera.model(lambda body: body["last"] and body["last"]["outcome"] == "rolled-back")
    assert (published["last"]["reason"], published["last"]["denied"]) == (reason, False)
    assert not controller.module("edged_model", **back)["changed"]


def test_without_a_daemon_it_comes_as_far_as_its_self_test(
    tmp_path: Path, controller: Controller
) -> None:
    signing = Signing()
    (tmp_path / "trust.json").write_bytes(signing.trust_envelope())
    config = tmp_path / "edged.toml"
    device_table = f'[device]\nname = "{DEVICE}"\nstate_dir = "{tmp_path}/state"\n'
    config.write_text(configuration(tmp_path, 1, model=SIMULATED) + device_table)
    stranger = make_bundle(tmp_path, Signing("stranger"))
    result = controller.module("edged_model", src=str(stranger), **here(config))
    assert result["failed"]
    assert result["outcome"] == "rejected"
    assert "sign" in result["reason"]


def wish(camera: Device, url: str) -> Path:
    """A signed wish for a model, whose bundle is at this URL."""
    bundle = camera.make_believe("wish", probation=BRIEF)
    told = Desired(
        channel="shops", sequence=1, title="wish@1", digest=digest_of(bundle), urls=(url,)
    )
    path = camera.folder / "desired.json"
    path.write_bytes(camera.signing.desired_envelope(write_desired(told)))
    return path


def test_a_channel_is_published_once_and_waited_for(camera: Device, controller: Controller) -> None:
    broker: dict[str, Any] = {"host": "127.0.0.1", "port": camera.broker.port, "settle": 1}
    asked: dict[str, Any] = {"devices": [DEVICE, "nobody"], "timeout": 30, **broker}
    asked["desired"] = str(wish(camera, "http://127.0.0.1:1/wish.edgem"))
    dry = controller.module("edged_channel", check=True, **asked)
    assert dry["changed"]
    assert dry["infos"]["nobody"] == {"unreachable": True, "msg": "up/status: never heard of"}
    assert dry["infos"][DEVICE]["status"]["deployment"] is None
    assert dry["infos"][DEVICE]["board"]["disk_free_mb"] > 0
    first = controller.module("edged_channel", **asked)
    assert first["changed"], first
    assert first["fates"]["nobody"]["outcome"] == "under-way"
    assert first["fates"][DEVICE]["outcome"] == "under-way"
    assert "127.0.0.1:1" in first["fates"][DEVICE]["reason"]
    second = controller.module("edged_channel", **(asked | {"timeout": 0.1}))
    assert not second["changed"]
    gone = controller.module("edged_retained", device=DEVICE, **broker)
    assert desired_topic() in gone["topics"]
    assert f"edged/v1/{DEVICE}/up/status" in gone["topics"]
    assert controller.module("edged_channel", check=True, **asked)["changed"]


def test_a_broker_that_is_not_there_is_named(controller: Controller) -> None:
    result = controller.module("edged_channel", host="127.0.0.1", port=1, devices=["a"])
    assert result["msg"].startswith("no way to 127.0.0.1:1")


def test_the_playbook_goes_over_the_broker_through_the_same_gate(
    camera: Device, controller: Controller
) -> None:
    inventory = camera.folder / "hosts.ini"
    inventory.write_text(f"[edged_devices]\nporch edged_device_name={DEVICE}\nattic\n")
    broker = {"host": "127.0.0.1", "port": camera.broker.port, "settle": 1}
    told: dict[str, Any] = {
        "channel_broker": broker,
        "rollout_folder": str(camera.folder / "rollouts"),
    }
    with fetch_server.serving() as site:
        desired = wish(camera, f"{site.url}/wish.edgem")
        told["channel_desired"] = os.path.relpath(desired, controller.folder)
        stopped = controller.play("model_channel", inventory, rollout_timeout_s=2, **told)
        assert stopped.code != 0
        assert "offline: attic: up/status: never heard of" in stopped.said
        assert "0 of 1 keep it, 100.0 % must: the rollout stops here" in stopped.said
        site.files["/wish.edgem"] = (camera.folder / "bundles" / "wish-1.edgem").read_bytes()
        camera.model(
            lambda body: (body["installed"] or {}).get("digest") == digest_of_wish(desired)
        )
    again = controller.play("model_channel", inventory, **told)
    assert again.code == 0, again.said
    assert "had it before: 1" in again.said


def digest_of_wish(path: Path) -> str:
    digest: str = json.loads(b64decode(json.loads(path.read_bytes())["payload"]))["digest"]
    return digest
