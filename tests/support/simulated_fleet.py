"""Ansible as a controller has it, and fleets of devices that are files: `Controller` plays on a `Fleet`."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import fake_edged

PROJECT_ROOT = Path(__file__).parents[2]
COLLECTION = PROJECT_ROOT / "ansible"
ANSIBLE_BIN = PROJECT_ROOT / ".venv-ansible" / "bin"
NEVER = 1 << 30


def import_plugin(name: str) -> ModuleType:
    """A plugin of the collection that needs no Ansible, as ``plugin_utils.toml``; what it imports of the collection is found, too."""
    for package, path in {
        "ansible_collections": [],
        "ansible_collections.edged": [],
        "ansible_collections.edged.fleet": [str(COLLECTION)],
    }.items():
        if package not in sys.modules:
            sys.modules[package] = ModuleType(package)
            sys.modules[package].__path__ = path
    return importlib.import_module(f"ansible_collections.edged.fleet.plugins.{name}")


needs_ansible = pytest.mark.skipif(
    not (ANSIBLE_BIN / "ansible-playbook").exists(),
    reason="no .venv-ansible: `make ansible-check` sets it up",
)


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """How a playbook ended."""

    exit_code: int
    output: str

    @property
    def changed_tasks(self) -> dict[str, int]:
        """How many tasks changed something, by host, as the recap counts them."""
        lines = re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+) ", self.output, re.MULTILINE)
        return {host: int(count) for host, count in lines}


class SimulatedFleet:
    """Devices that are folders: `device.json` is what `fake_edged` reads, `line.json` says when the host answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[str] = []

    def add(self, *, lost_from: int = NEVER, lost_until: int = NEVER, **behaviour: Any) -> str:
        """A device; the host's name.

        Args:
            lost_from: the task, counted from 1, in which the host first does not answer.
            lost_until: the task in which it answers again.
            behaviour: see `fake_edged.blank`.
        """
        host = f"pi{len(self.hosts):04}"
        self.hosts.append(host)
        folder = self.folder / host
        folder.mkdir(parents=True)
        self.write_connection(host, lost_from=lost_from, lost_until=lost_until)
        self.write_device(host, fake_edged.new_device(**behaviour))
        return host

    def read_device(self, host: str) -> dict[str, Any]:
        """What is in its file."""
        device: dict[str, Any] = json.loads((self.folder / host / "device.json").read_text())
        return device

    def write_device(self, host: str, device: Mapping[str, Any]) -> None:
        """Put that into its file."""
        (self.folder / host / "device.json").write_text(json.dumps(device))

    def end_trial(self, host: str) -> None:
        """Its time is over."""
        self.write_device(host, self.read_device(host) | {"ends": 0})

    def write_connection(
        self, host: str, *, lost_from: int = NEVER, lost_until: int = NEVER
    ) -> None:
        """Set when the host does not answer, in tasks counted from now; see `add`."""
        line = {"tasks": 0, "lost_from": lost_from, "lost_until": lost_until}
        (self.folder / host / "line.json").write_text(json.dumps(line))

    def reconnect(self, host: str) -> None:
        """It answers again."""
        self.write_connection(host)

    def verbs(self, host: str) -> list[str]:
        """The verbs that were asked of it so far."""
        return list(self.read_device(host)["asked"])

    def digest(self, host: str) -> str:
        """Of the version in use."""
        return str(self.read_device(host)["status"]["versions"][0]["digest"])

    def write_inventory(
        self, *, all_hosts: Mapping[str, Any] | None = None, **variables: Any
    ) -> Path:
        """The file; `variables` are those of all devices, and `all_hosts` those of all hosts."""
        device = str(self.folder / "{{ inventory_hostname }}")
        common = {
            "ansible_connection": "simulated",
            "ansible_python_interpreter": sys.executable,
            "rollout_command": fake_edged.__file__,
            "rollout_config": f"{device}/device.json",
            "rollout_state_dir": device,
            "rollout_drop_folder": device,
            "rollout_root": device,
            "rollout_reconnect_timeout_s": 0,
        }
        path = self.folder / "inventory.json"
        group = {"hosts": {host: {} for host in self.hosts}, "vars": common | variables}
        everything = {"children": {"edged_devices": group}, "vars": dict(all_hosts or {})}
        path.write_text(json.dumps({"all": everything}))
        return path

    def read_results(self, digest: str) -> dict[str, Any]:
        """What the rollout wrote down."""
        path = self.folder / "rollouts" / digest[:12] / "rollout.json"
        results: dict[str, Any] = json.loads(path.read_text())
        return results


class AnsibleController:
    """Plays the collection's playbooks and runs its modules, from the checkout."""

    def __init__(self, folder: Path, *, forks: int = 8) -> None:
        self.folder = folder
        place = folder / "collections" / "ansible_collections" / "edged"
        place.mkdir(parents=True)
        (place / "fleet").symlink_to(COLLECTION)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parent / "connection_plugins"),
            "ANSIBLE_FORKS": str(forks),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "SIMULATED_FLEET": str(folder),
        }

    def play(
        self, playbook: str | Path, inventory: Path, *options: str, **variables: Any
    ) -> PlaybookResult:
        """Play one of the collection's playbooks, by its name, or a file."""
        argv: list[str | Path] = [
            ANSIBLE_BIN / "ansible-playbook",
            "-i",
            inventory,
            playbook if isinstance(playbook, Path) else f"edged.fleet.{playbook}",
        ]
        argv += ["-e", json.dumps(variables), *options]
        played = subprocess.run(
            argv,
            check=False,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return PlaybookResult(played.returncode, played.stdout)

    def run_module(self, name: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module here, as Ansible does on a host; its result."""
        told = {"ANSIBLE_MODULE_ARGS": arguments | {"_ansible_check_mode": check}}
        ran = subprocess.run(
            [
                ANSIBLE_BIN / "python",
                "-m",
                f"ansible_collections.edged.fleet.plugins.modules.{name}",
            ],
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self.folder / "collections")},
            input=json.dumps(told).encode(),
            capture_output=True,
        )
        assert ran.stdout, ran.stderr.decode()
        result: dict[str, Any] = json.loads(ran.stdout)
        return result
