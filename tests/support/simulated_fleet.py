"""An Ansible controller, and fleets whose devices are files: an `AnsibleController` plays on a `SimulatedFleet`."""

import atexit
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import fake_edged
from support.waiting import wait_for

PROJECT_ROOT = Path(__file__).parents[2]
COLLECTION = PROJECT_ROOT / "ansible"
MODULE_SERVER = Path(__file__).with_name("module_server.py")
ANSIBLE_BIN = PROJECT_ROOT / ".venv-ansible" / "bin"
NEVER = 1 << 30


def import_plugin(name: str) -> ModuleType:
    """Import a plugin of the collection that needs no Ansible, as ``plugin_utils.toml``."""
    for package, path in {
        "ansible_collections": [],
        "ansible_collections.edged": [],
        "ansible_collections.edged.fleet": [str(COLLECTION)],
    }.items():
        if package not in sys.modules:
            sys.modules[package] = ModuleType(package)
            sys.modules[package].__path__ = path
    return importlib.import_module(f"ansible_collections.edged.fleet.plugins.{name}")


NO_ANSIBLE = "no Ansible in .venv-ansible"
needs_ansible = pytest.mark.skipif(
    not (ANSIBLE_BIN / "ansible-playbook").exists(), reason=NO_ANSIBLE
)


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """The exit code and the output of a playbook."""

    exit_code: int
    output: str

    @property
    def changed_tasks(self) -> dict[str, int]:
        """The number of tasks that changed something, by host, from the recap."""
        lines = re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+) ", self.output, re.MULTILINE)
        return {host: int(count) for host, count in lines}


class SimulatedFleet:
    """Devices that are folders: `device.json` is for `fake_edged`, `line.json` has the times at which the host is unreachable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[str] = []

    def add(self, *, lost_from: int = NEVER, lost_until: int = NEVER, **behaviour: Any) -> str:
        """Add a device and return its host name.

        Args:
            lost_from: the first task, counted from 1, in which the host is unreachable.
            lost_until: the task in which it is reachable again.
            behaviour: as in `fake_edged.new_device`.
        """
        host = f"pi{len(self.hosts):04}"
        self.hosts.append(host)
        folder = self.folder / host
        folder.mkdir(parents=True)
        self.write_connection(host, lost_from=lost_from, lost_until=lost_until)
        self.write_device(host, fake_edged.new_device(**behaviour))
        return host

    def read_device(self, host: str) -> dict[str, Any]:
        """Return the content of the device's file."""
        device: dict[str, Any] = json.loads((self.folder / host / "device.json").read_text())
        return device

    def write_device(self, host: str, device: Mapping[str, Any]) -> None:
        """Write the device's file."""
        (self.folder / host / "device.json").write_text(json.dumps(device))

    def end_trial(self, host: str) -> None:
        """Let the time of the device's trial be over."""
        self.write_device(host, self.read_device(host) | {"ends": 0})

    def write_connection(
        self, host: str, *, lost_from: int = NEVER, lost_until: int = NEVER
    ) -> None:
        """Set in which tasks, counted from now, the host is unreachable, as in `add`."""
        line = {"tasks": 0, "lost_from": lost_from, "lost_until": lost_until}
        (self.folder / host / "line.json").write_text(json.dumps(line))

    def reconnect(self, host: str) -> None:
        """Let the host be reachable again."""
        self.write_connection(host)

    def verbs(self, host: str) -> list[str]:
        """Return the verbs of all `edged model` commands that the host has run."""
        return list(self.read_device(host)["verbs"])

    def digest(self, host: str) -> str:
        """Return the digest of the host's active version."""
        return str(self.read_device(host)["status"]["versions"][0]["digest"])

    def write_inventory(
        self, *, all_hosts: Mapping[str, Any] | None = None, **variables: Any
    ) -> Path:
        """Write the inventory; `variables` are those of the devices, `all_hosts` those of all hosts."""
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
        """Return the results that the rollout wrote."""
        path = self.folder / "rollouts" / digest[:12] / "rollout.json"
        results: dict[str, Any] = json.loads(path.read_text())
        return results


class AnsibleController:
    """Runs the playbooks and the modules of the checkout's collection."""

    def __init__(self, folder: Path, *, forks: int = 8) -> None:
        self.folder = folder
        link_collection(folder / "collections")
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
        """Run one of the collection's playbooks by its name, or a playbook file.

        Args:
            playbook: name or file.
            inventory: the inventory file.
            options: further options of ansible-playbook.
            variables: extra variables.
        """
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
        """Run a module as Ansible does on a host, and return its result."""
        return _module_server().run(name, arguments | {"_ansible_check_mode": check})


class ModuleServer:
    """A process that runs modules, as `support.module_server` describes; it ends with this process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="modules-")
        folder = Path(self._folder.name)
        link_collection(folder)
        self._socket = str(folder / "socket")
        self._errors = folder / "stderr"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [ANSIBLE_BIN / "python", MODULE_SERVER, self._socket],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)},
                stdin=subprocess.PIPE,
                stderr=errors,
            )
        wait_for(Path(self._socket).exists, state=self._errors.read_text)
        atexit.register(self.close)

    def run(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module, and return its result."""
        request = {
            "module": f"ansible_collections.edged.fleet.plugins.modules.{name}",
            "arguments": arguments,
        }
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._socket)
            connection.sendall(json.dumps(request).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as reader:
                output = reader.read()
        assert output, self._errors.read_text()
        result: dict[str, Any] = json.loads(output)
        return result

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._folder.cleanup()


@cache
def _module_server() -> ModuleServer:
    return ModuleServer()


def link_collection(folder: Path) -> None:
    """Make the checkout's collection importable from a folder."""
    place = folder / "ansible_collections" / "edged"
    place.mkdir(parents=True)
    (place / "fleet").symlink_to(COLLECTION)
