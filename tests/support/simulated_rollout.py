"""Rollouts to simulated fleets, by the playbook and by a play that lists the role."""

import json
from pathlib import Path
from typing import Any

from support.simulated_fleet import AnsibleController, PlaybookResult, SimulatedFleet

DIGEST = "5e" * 32
VARIABLES: dict[str, Any] = {
    "rollout_waves": [2, 100],
    "rollout_url": "https://m.example/x.edgem",
    "rollout_digest": DIGEST,
}
UNTOUCHED = ["status"]
"""The verbs on a device that takes no part in the rollout."""


class SimulatedRollout:
    """A rollout of one version to a simulated fleet by the playbook model_rollout."""

    def __init__(self, folder: Path) -> None:
        self.fleet, self.controller = SimulatedFleet(folder), AnsibleController(folder)

    def play(self, *options: str, **variables: Any) -> PlaybookResult:
        inventory = self.fleet.write_inventory()
        return self.controller.play("model_rollout", inventory, *options, **(VARIABLES | variables))

    @property
    def results(self) -> dict[str, Any]:
        return self.fleet.read_results(DIGEST)

    def hosts_with_version(self) -> list[str]:
        return [host for host in self.fleet.hosts if self.fleet.digest(host) == DIGEST]

    def read_host_list(self, name: str) -> list[str]:
        return (self.fleet.folder / "rollouts" / DIGEST[:12] / f"{name}.txt").read_text().split()


class SimulatedRoleRollout(SimulatedRollout):
    """A rollout by a play that lists the role rollout."""

    def play(
        self, *options: str, play: dict[str, Any] | None = None, **variables: Any
    ) -> PlaybookResult:
        listed = {"hosts": "edged_devices", "gather_facts": False, "roles": ["edged.fleet.rollout"]}
        playbook = self.fleet.folder / "role.yml"
        playbook.write_text(json.dumps([listed | (play or {})]))
        inventory = self.fleet.write_inventory()
        return self.controller.play(playbook, inventory, *options, **(VARIABLES | variables))
