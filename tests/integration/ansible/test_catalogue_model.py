"""The tasks of the role edged that fetch a public model and put it into use, with a mirror and the real command."""

import json
import sys
from pathlib import Path

import pytest

from support import fetch_server as net
from support.data_files import data_file
from support.simulated_fleet import AnsibleController, PlaybookResult, needs_ansible

pytestmark = [needs_ansible, pytest.mark.timeout(300)]
CHECKOUT = Path(__file__).resolve().parents[3]
MODEL = "yolox_nano_float16_quantize.tflite"


class Device:
    """This host as a device of the role: `edged` with a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drop_in = folder / "conf.d" / "50-model.toml"
        self.program = folder / "edged"
        self.program.write_text(
            f'#!/bin/sh\nverb="$1 $2"; shift 2\ncd {CHECKOUT}\n'
            f'exec {sys.executable} -m edged $verb -c {folder}/edged.toml "$@"\n'
        )
        self.program.chmod(0o755)
        (folder / "edged.toml").write_text(
            f'[device]\nstate_dir = "{folder}/state"\n[jsonl]\npath = "/dev/null"\n[camera.demo]\nsource = "synthetic"\n'
        )
        self._controller = AnsibleController(folder)

    def play(self, *options: str, **variables: object) -> PlaybookResult:
        tasks = [
            {"ansible.builtin.stat": {"path": str(self.program)}, "register": "edged_command"},
            {
                "ansible.builtin.include_role": {
                    "name": "edged.fleet.edged",
                    "tasks_from": "model",
                }
            },
        ]
        playbook = self.folder / "model.yml"
        playbook.write_text(
            json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}])
        )
        inventory = self.folder / "hosts.yml"
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory.write_text(json.dumps({"ungrouped": {"hosts": {"localhost": host}}}))
        settings = {"edged_program": str(self.program), "edged_secrets": str(self.folder)}
        return self._controller.play(playbook, inventory, *options, **(settings | variables))


def test_a_model_is_fetched_and_used_once(tmp_path: Path) -> None:
    device = Device(tmp_path)
    with net.serve_site() as mirror:
        mirror.files[f"/{MODEL}"] = data_file(f"models/{MODEL}").read_bytes()
        wanted = {"edged_catalogue_model": "yolox-nano", "edged_catalogue_mirror": mirror.url}
        dry = device.play("--check", **wanted)
        assert dry.exit_code == 0, dry.output
        assert not device.drop_in.exists()
        first, second = device.play(**wanted), device.play(**wanted)
    assert first.exit_code == 0, first.output
    assert second.exit_code == 0, second.output
    assert "changed=1" in first.output
    assert "changed=0" in second.output
    assert "yolox-nano.tflite" in device.drop_in.read_text()


def test_without_a_model_nothing_is_done(tmp_path: Path) -> None:
    device = Device(tmp_path)
    played = device.play()
    assert played.exit_code == 0, played.output
    assert not (tmp_path / "state").exists()


def test_a_failure_shows_the_reason(tmp_path: Path) -> None:
    device = Device(tmp_path)
    played = device.play(edged_catalogue_model="yolox-nan")
    assert played.exit_code != 0
    assert "the catalogue has no yolox-nan; did you mean" in played.output
