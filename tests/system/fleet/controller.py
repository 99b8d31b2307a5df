"""The controller: Ansible with the project's collection, over ssh."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system.commands import run
from system.machines import Machine
from system.networks import Network

PROJECT = Path(__file__).parents[3]
_VENV = PROJECT / ".venv-ansible"
_PLAY_S = 900.0
_RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE
)
_SETTINGS = """\
[defaults]
collections_path = {folder}/collections
inventory = {folder}/inventory
vault_password_file = {folder}/vault-password
private_key_file = {folder}/key
host_key_checking = false
interpreter_python = /usr/bin/python3
local_tmp = {folder}/tmp
forks = 10
timeout = 5
[connection]
pipelining = true
[ssh_connection]
control_path_dir = {folder}/ssh
ssh_args = -F {folder}/ssh_config -o ControlMaster=auto -o ControlPersist=30s -o ServerAliveInterval=3 -o ServerAliveCountMax=3 -o UserKnownHostsFile=/dev/null
"""
Variables = Mapping[str, Any]


def missing_requirement() -> str:
    """Return why no playbook can run here; empty if one can."""
    if not (_VENV / "bin/ansible-playbook").exists():
        return "Ansible is missing: make ansible-check"
    return ""


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """The counts of a playbook's tasks on one host."""

    ok: int
    changed: int
    unreachable: int
    failed: int


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """The result of a playbook.

    Attributes:
        exit_code: exit code of Ansible.
        counts: counts by host.
        output: all its output.
    """

    exit_code: int
    counts: dict[str, TaskCounts]
    output: str


class FleetController:
    """The controller with its key, its inventory and the playbooks."""

    def __init__(self, network: Network, folder: Path) -> None:
        """Make the key.

        Args:
            network: network of the hosts.
            folder: folder for its files; its name must be short, because sockets are in it.
        """
        self._network = network
        self.folder = folder
        place = folder / "collections/ansible_collections/edged"
        place.mkdir(parents=True)
        (place / "fleet").symlink_to(PROJECT / "ansible")
        (folder / "ansible.cfg").write_text(_SETTINGS.format(folder=folder))
        (folder / "vault-password").write_text("marmalade\n")
        (folder / "ssh_config").touch()
        (folder / "inventory/group_vars/all").mkdir(parents=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")])

    def authorize(self, host: Machine) -> None:
        """Make a host accept the controller's key."""
        host.write("/root/.ssh/authorized_keys", (self.folder / "key.pub").read_bytes(), mode=0o600)

    def set_ssh_port(self, host: Machine, port: int) -> None:
        """Set the port of a host for ssh, but not for Ansible."""
        with (self.folder / "ssh_config").open("a") as file:
            file.write(f"Host {host.address}\n Port {port}\n")

    def check_ssh(self, host: Machine) -> None:
        """Connect to a host by ssh; a failure is an AssertionError."""
        options = ["ControlPath=none", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
        self._network.run(
            "ssh", "-F", str(self.folder / "ssh_config"), "-i", str(self.folder / "key"), "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=5", *(part for one in options for part in ("-o", one)), f"root@{host.address}", "true",
        )  # fmt: skip

    def write_inventory(
        self, groups: Mapping[str, Mapping[str, Variables]], all_variables: Variables
    ) -> None:
        """Write the inventory: hosts with their variables by group, and variables of all hosts."""
        children = {group: {"hosts": hosts} for group, hosts in groups.items()}
        inventory = {
            "all": {"children": children, "vars": {"ansible_user": "root", **all_variables}}
        }
        (self.folder / "inventory/hosts.yml").write_text(json.dumps(inventory, indent=1))

    def encrypt_secrets(self, secrets: Variables) -> None:
        """Write variables of all hosts into a vault."""
        vault = self.folder / "inventory/group_vars/all/vault.yml"
        vault.write_text(json.dumps(secrets))
        run([*self._ansible("ansible-vault"), "encrypt", str(vault)])
        assert vault.read_text().startswith("$ANSIBLE_VAULT")

    def play(
        self, playbook: str, *options: str, check: bool = True, **variables: object
    ) -> PlaybookRun:
        """Run a playbook of the collection; a failure is an AssertionError with the output, unless `check` is False."""
        done = run(
            [
                *self._ansible("ansible-playbook"),
                f"edged.fleet.{playbook}",
                *options,
                "--extra-vars",
                json.dumps(variables),
            ],
            check=check,
            timeout_s=_PLAY_S,
        )
        recap = done.stdout.rpartition("PLAY RECAP")[2]
        counts = {host: TaskCounts(*map(int, numbers)) for host, *numbers in _RECAP.findall(recap)}
        return PlaybookRun(done.returncode, counts, done.stdout + done.stderr)

    def _ansible(self, command: str) -> list[str]:
        return [
            *self._network.enter_argv(),
            "env",
            f"--chdir={self.folder}",
            f"PATH={_VENV}/bin:{os.environ['PATH']}",
            f"ANSIBLE_CONFIG={self.folder}/ansible.cfg",
            command,
        ]
