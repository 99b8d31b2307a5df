"""The disk of the model store hangs in each step of an update, while the daemon's loop goes on.

`support.crash_device` says what is real here. A step hangs either before it has changed the disk, or after that and before its result is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import DeploymentRecord
from edged.updates.service.service import UpdateService
from support.bundles import make_bundle
from support.crash_device import SIGNING, CrashDevice, FaultPoint, InjectedFault
from support.sampling import Sampler, sampled
from support.scripted_disk_queue import DiskHang
from support.store_device import make_version

OLD = make_version("1")
TRIAL = Probation(min_baseline_s=0.5, min_s=1.0, min_frames=40, min_boxes=0)
Undisturbed = dict[str, tuple[DeploymentRecord, int]]
"""The record of an installation without a hang, and the number of its steps, by its outcome."""
OUTCOMES = ("committed", "rolled-back")
HANGS_S = (1.0, 60.0, 1000.0)
"""Shorter than a suspension, as long as a card may take, and longer than any time limit of a trial or an installer."""


@dataclass(frozen=True)
class HangCase:
    """One installation in which one step hangs.

    Attributes:
        outcome: its outcome without the hang.
        job: number of the step, from 1.
        hang: how the step hangs.
    """

    outcome: str
    job: int
    hang: DiskHang


class HangingDevice(CrashDevice):
    """A device with version 1 that installs version 2; one step hangs.

    Args:
        bundle: version 2.
        case: the outcome and the hang.
        crashes: the daemon crashes in the hang, once.
    """

    def __init__(self, bundle: Path, case: HangCase, *, crashes: bool = False) -> None:
        self.steps = self.hangs_begun = 0
        super().__init__(
            bundle.parent,
            bundle,
            OLD,
            inject=self._inject,
            model_falters=case.outcome == "rolled-back",
            on_tick=self._check,
            find_hang=self._find_hang,
        )
        self._case = case
        self._crashes_left = int(crashes)

    def changes_to(self, state: str) -> int:
        """Return how often the ledger changed to a state or an outcome."""
        return sum(point.new_state == state != point.state for point in self.fault_points)

    def _find_hang(self, number: int) -> DiskHang | None:
        self.steps = max(self.steps, number)
        if number != self._case.job or self.hangs_begun:
            return None
        self.hangs_begun += 1
        return self._case.hang

    def _inject(self, point: FaultPoint) -> InjectedFault:
        if point.call == "tick, silent disk" and self._crashes_left:
            self._crashes_left -= 1
            return "crash"
        return "none"

    def _check(self, updates: UpdateService) -> None:
        """Check that a version is active only if the disk says that it may be."""
        if not updates.is_model_known:
            return
        ledger = self.ledger
        on_trial = (
            {ledger.deployment.digest} if self.state == "trial" and ledger.deployment else set()
        )
        assert updates.active_digest in {OLD.digest, ledger.current} | on_trial


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    return make_bundle(folder, SIGNING, version="2", counter=2, epoch=1, probation=TRIAL)


@pytest.fixture(scope="module")
def undisturbed(bundle: Path) -> Undisturbed:
    found: Undisturbed = {}
    for outcome in OUTCOMES:
        device = HangingDevice(bundle, HangCase(outcome, 0, DiskHang(0.0)))
        record = device.install()
        assert record.outcome == outcome
        found[outcome] = record, device.steps
    return found


def list_cases(undisturbed: Undisturbed, hangs_s: Sequence[float] = HANGS_S) -> list[HangCase]:
    return [
        HangCase(outcome, job, DiskHang(seconds, is_done_first))
        for outcome, (_, steps) in undisturbed.items()
        for job in range(1, steps + 1)
        for seconds in hangs_s
        for is_done_first in (False, True)
    ]


@sampled
def test_an_update_ends_as_without_the_hang_and_is_decided_once(
    bundle: Path, undisturbed: Undisturbed, sampler: Sampler
) -> None:
    for case in sampler.pick(list_cases(undisturbed), 60):
        device = HangingDevice(bundle, case)
        record = device.install()
        expected, _ = undisturbed[case.outcome]
        assert device.hangs_begun == 1, case
        assert (record.outcome, record.cause, record.reason, record.flagged) == (
            expected.outcome,
            expected.cause,
            expected.reason,
            expected.flagged,
        ), case
        assert (device.changes_to("trial"), device.changes_to(case.outcome)) == (1, 1), case


@sampled
def test_a_crash_in_the_hang_changes_nothing(
    bundle: Path, undisturbed: Undisturbed, sampler: Sampler
) -> None:
    for case in sampler.pick(list_cases(undisturbed, (60.0,)), 30):
        device = HangingDevice(bundle, case, crashes=True)
        record = device.install()
        assert device.crashes == 1, case
        assert record.outcome == case.outcome, case
        assert (case.outcome == "rolled-back") == (record.digest in device.ledger.denied), case
