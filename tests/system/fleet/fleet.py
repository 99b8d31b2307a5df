"""A fleet of five devices and a broker, with its controller."""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edged import bundled
from edged.demo.scramble import scramble_layer
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.manifest import Probation
from support.bundles import SigningKeys, make_bundle
from system.fleet.controller import FleetController
from system.fleet.listener import FleetListener
from system.fleet.mirror import Mirror
from system.machines import Machine
from system.networks import Network

DEVICES = {
    "pi1": "bookworm",
    "pi2": "bookworm",
    "pi3": "bookworm",
    "pi4": "trixie",
    "pi5": "trixie",
}
ONE_PER_RELEASE = ["pi1", "pi4"]
"""Of each release."""
MIRROR_DEVICE = "pi5"
"""Which fetches its package from the mirror."""
EDGETPU_DEVICE = "pi2"
"""Which gets the runtime of an EdgeTPU."""
MODEL = "marks-fast"
LENIENT_TRIAL = Probation(
    min_baseline_s=2.0,
    min_s=4.0,
    min_frames=10,
    max_s=60.0,
    min_boxes=0,
    min_fps_ratio=0.1,
    max_p95_ratio=100.0,
)
"""Passed by any model that runs: many machines share few processors here."""
STRICT_TRIAL = Probation(
    min_baseline_s=2.0,
    min_s=10.0,
    min_frames=20,
    max_s=90.0,
    shadow_every=1,
    min_boxes=8,
    min_fps_ratio=0.1,
    max_p95_ratio=100.0,
)
"""Passed by a model that finds what the old one finds."""
_MAX_WAIT_S = 120.0
_POLL_S = 0.3


@dataclass(frozen=True, slots=True)
class RolloutBundle:
    """The bundle of a model for a rollout."""

    path: Path
    digest: str
    title: str


@dataclass
class MachineFleet:
    """A running fleet.

    Attributes:
        network: its network.
        controller: runs the playbooks.
        broker: the broker's host.
        devices: the devices by name.
        listener: records the messages.
        mirror: server from which the devices fetch.
        folder: folder for files of the test.
    """

    network: Network
    controller: FleetController
    broker: Machine
    devices: dict[str, Machine]
    listener: FleetListener
    mirror: Mirror
    folder: Path
    signing: SigningKeys = field(default_factory=SigningKeys)
    _bundle_count: int = 0

    def build_bundle(
        self, probation: Probation = LENIENT_TRIAL, *, model: Path | None = None
    ) -> RolloutBundle:
        """Make a bundle of the next version of the factory model, or of another file."""
        self._bundle_count += 1
        file = make_bundle(
            self.folder,
            self.signing,
            name="marks",
            version=str(self._bundle_count),
            counter=self._bundle_count,
            model=model or bundled.model_path(MODEL),
            probation=probation,
        )
        with file.open("rb") as opened:
            digest = open_unverified(opened, file.stat().st_size).digest
        return RolloutBundle(file, digest, f"marks@{self._bundle_count}")

    def build_degraded_bundle(self) -> RolloutBundle:
        """Make a bundle of a model that loads, passes its self-test, and finds almost nothing."""
        spoilt = self.folder / "spoilt.tflite"
        scramble_layer(bundled.model_path(MODEL), spoilt)
        return self.build_bundle(STRICT_TRIAL, model=spoilt)

    def model_status(self, device: str) -> dict[str, Any]:
        """Return the response of `edged model list` on a device."""
        answer = self.devices[device].run("edged", "model", "list", "--json")
        status: dict[str, Any] = json.loads(answer.stdout)["status"]
        return status

    def active_digest(self, device: str) -> str:
        """Return the digest of a device's active version; empty for the factory model."""
        return str(self.model_status(device)["versions"][0]["digest"])

    def await_trial(
        self, device: str, *, boots: int = 0, timeout_s: float = _MAX_WAIT_S
    ) -> dict[str, Any]:
        """Wait until a device's deployment is in a trial that has counted so many boots, and return it."""
        deadline = time.monotonic() + timeout_s
        while True:
            deployment: dict[str, Any] = self.model_status(device)["deployment"] or {}
            if deployment.get("state") == "trial" and deployment["boots"] >= boots:
                return deployment
            assert time.monotonic() < deadline, f"{device}: {deployment}\n{self.journal(device)}"
            time.sleep(_POLL_S)

    def await_active(self, device: str, timeout_s: float = _MAX_WAIT_S) -> None:
        """Wait until a device's service is active."""
        deadline = time.monotonic() + timeout_s
        host = self.devices[device]
        while host.run("systemctl", "is-active", "edged", check=False).stdout.strip() != "active":
            assert time.monotonic() < deadline, self.journal(device)
            time.sleep(_POLL_S)

    def journal(self, device: str, *arguments: str) -> str:
        """Return the journal of a device's daemon."""
        argv = ["journalctl", "--unit=edged", "--no-pager", "--lines=60", *arguments]
        return self.devices[device].run(*argv, check=False).stdout


def in_parallel(action: Callable[[str], object], devices: Iterable[str]) -> None:
    """Run a function on several devices at the same time; raise its first error when all have ended."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(action, devices))
