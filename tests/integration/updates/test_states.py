"""Crashes, reboots and hangs in each state of an update: on entering it, in the middle and on leaving it; once, and again and again.

The list is that of Mender's state tests. `support.crash_device` says what is real here.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from edged.updates.bundle.manifest import Probation
from edged.updates.rules.deployment import MAX_CRASHES, MAX_REBOOTS, MAX_TRANSITIONS
from edged.updates.rules.ledger import DeploymentRecord
from edged.updates.service.install_supervisor import MAX_INSTALLER_SILENCE_S
from edged.updates.service.service import UpdateService
from support.bundles import make_bundle
from support.crash_device import SIGNING, CrashDevice, FaultPoint, InjectedFault
from support.disk import STORE_ROOT
from support.sampling import Sampler, sampled
from support.store_device import make_version

OLD = make_version("1")
TRIAL = Probation(min_baseline_s=0.5, min_s=1.0, min_frames=40, min_boxes=0)
MAX_FAULTS = 60
"""The fault does not happen more often."""
INSTALLER_STATES = ("fetching", "staged", "verified")
"""States in which the installer works."""
OUTCOMES = ("committed", "rolled-back")
STATES = (*INSTALLER_STATES, "self-tested", "trial", *OUTCOMES)
POSITIONS = ("entering", "middle", "leaving")
FaultPointMatcher = Callable[[FaultPoint], bool]
FaultPointsByOutcome = Mapping[str, Sequence[FaultPoint]]
"""All fault points of two undisturbed installations, by their outcome."""


class FaultCase(CrashDevice):
    """A device with version 1 that installs version 2, which has a higher epoch."""

    def __init__(
        self, bundle: Path, *, model_falters: bool = False, reboots_host: bool = False
    ) -> None:
        super().__init__(
            bundle.parent,
            bundle,
            OLD,
            model_falters=model_falters,
            reboots_host=reboots_host,
            on_tick=self._check,
        )

    def _check(self, updates: UpdateService) -> None:
        """Check that the right model is active, that its file exists, and that the lowest allowed epoch is right."""
        ledger, model = self.ledger, updates.active_model
        on_trial = ledger.deployment if self.state == "trial" else None
        assert updates.active_digest == (on_trial.digest if on_trial else ledger.current)
        assert model.settings.path is not None
        assert self.disk.read(model.settings.path, 1 << 20)
        assert ledger.epoch == (0 if ledger.current == OLD.digest else 1)

    def run_to_end(self) -> DeploymentRecord:
        """Install, and check that no needless files are left and that the links are right."""
        past = self.install()
        ledger, kept = self.ledger, {OLD.digest}
        if past.outcome == "committed":
            kept.add(past.digest)
            assert (ledger.current, ledger.previous) == (past.digest, OLD.digest)
        else:
            assert (ledger.current, ledger.previous) == (OLD.digest, "")
            assert past.reason
        assert set(self.disk.list_names(STORE_ROOT / "versions")) == kept
        assert self.disk.list_names(STORE_ROOT / "incoming") == ()
        assert self.disk.read_link(STORE_ROOT / "current") == f"versions/{ledger.current}"
        return past

    def run_with_fault(
        self, fault: InjectedFault, matches: FaultPointMatcher, times: int
    ) -> DeploymentRecord:
        """Run to the end with this fault at the matching points, at most so many times."""
        left = times

        def inject(point: FaultPoint) -> InjectedFault:
            nonlocal left
            if left and matches(point):
                left -= 1
                return fault
            return "none"

        self.inject = inject
        return self.run_to_end()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    return make_bundle(folder, SIGNING, version="2", counter=2, epoch=1, probation=TRIAL)


@pytest.fixture(scope="module")
def undisturbed_points(bundle: Path) -> FaultPointsByOutcome:
    cases = {
        outcome: FaultCase(bundle, model_falters=outcome == "rolled-back") for outcome in OUTCOMES
    }
    assert [case.run_to_end().outcome for case in cases.values()] == list(OUTCOMES)
    return {outcome: case.fault_points for outcome, case in cases.items()}


def match_fault_point(
    undisturbed_points: FaultPointsByOutcome, state: str, position: str
) -> FaultPointMatcher:
    """Return a function that matches the fault point at this position of a state."""
    actor = "installer" if state in INSTALLER_STATES else "daemon"
    points = undisturbed_points["rolled-back" if state == "rolled-back" else "committed"]
    last = max(one.occurrence for one in points if (one.actor, one.state) == (actor, state))
    number = {"entering": 1, "middle": max(last // 2, 2), "leaving": last}[position]

    def matches(point: FaultPoint) -> bool:
        if (point.actor, point.state) != (actor, state) or point.occurrence == 0:
            return False
        if position == "leaving" and state not in OUTCOMES:
            return bool(point.new_state)
        return point.occurrence == number

    return matches


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("state", STATES)
class TestDaemonCrashes:
    """The daemon crashes with all its processes."""

    def test_once(
        self, bundle: Path, undisturbed_points: FaultPointsByOutcome, state: str, position: str
    ) -> None:
        case = FaultCase(bundle, model_falters=state == "rolled-back")
        past = case.run_with_fault(
            "crash", match_fault_point(undisturbed_points, state, position), 1
        )
        assert case.crashes == 1
        assert past.outcome == ("rolled-back" if state == "rolled-back" else "committed")

    @pytest.mark.parametrize("boots", [False, True], ids=["crashes", "reboots"])
    def test_again_and_again(
        self,
        bundle: Path,
        undisturbed_points: FaultPointsByOutcome,
        state: str,
        position: str,
        boots: bool,  # noqa: FBT001 - parametrised
    ) -> None:
        case = FaultCase(bundle, model_falters=state == "rolled-back", reboots_host=boots)
        past = case.run_with_fault(
            "crash", match_fault_point(undisturbed_points, state, position), MAX_FAULTS
        )
        if state in OUTCOMES:
            assert past.outcome == state
        elif state == "trial":
            assert past.outcome == "rolled-back"
            assert case.crashes == (MAX_REBOOTS if boots else MAX_CRASHES)
            assert f"{case.crashes} times" in past.reason
        else:
            assert past.outcome == "rejected"
            assert f"in {MAX_TRANSITIONS} steps" in past.reason
            assert case.crashes <= MAX_TRANSITIONS


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("state", INSTALLER_STATES)
class TestInstallerFails:
    """The installer crashes or hangs while the daemon runs on."""

    @pytest.mark.parametrize("fault", ["installer crash", "hang"])
    def test_once(
        self,
        bundle: Path,
        undisturbed_points: FaultPointsByOutcome,
        state: str,
        position: str,
        fault: InjectedFault,
    ) -> None:
        case = FaultCase(bundle)
        began_ns = case.clock.monotonic_ns()
        past = case.run_with_fault(fault, match_fault_point(undisturbed_points, state, position), 1)
        took_s = (case.clock.monotonic_ns() - began_ns) / 1e9
        assert (past.outcome, case.crashes + case.hangs) == ("committed", 1)
        assert (
            took_s < 60
            if fault == "installer crash"
            else MAX_INSTALLER_SILENCE_S < took_s < MAX_INSTALLER_SILENCE_S + 60
        )

    @pytest.mark.parametrize("fault", ["installer crash", "hang"])
    def test_again_and_again(
        self,
        bundle: Path,
        undisturbed_points: FaultPointsByOutcome,
        state: str,
        position: str,
        fault: InjectedFault,
    ) -> None:
        case = FaultCase(bundle)
        past = case.run_with_fault(
            fault, match_fault_point(undisturbed_points, state, position), MAX_FAULTS
        )
        assert past.outcome == "rejected"
        assert f"in {MAX_TRANSITIONS} steps" in past.reason
        assert ("killed by SIGKILL" if fault == "installer crash" else "no progress") in past.reason


def crash_points(undisturbed_points: FaultPointsByOutcome) -> list[tuple[str, int]]:
    return [
        (outcome, at) for outcome, points in undisturbed_points.items() for at in range(len(points))
    ]


def check_crashes(bundle: Path, crash_points: Sequence[tuple[str, int]]) -> None:
    for outcome, at in crash_points:
        case = FaultCase(bundle, model_falters=outcome == "rolled-back")

        def matches(_: FaultPoint, case: FaultCase = case, at: int = at) -> bool:
            return len(case.fault_points) == at + 1

        past = case.run_with_fault("crash", matches, 1)
        assert (past.outcome, case.crashes) == (outcome, 1), case.fault_points[at]


@sampled
def test_a_crash_at_any_fault_point_changes_nothing(
    bundle: Path, undisturbed_points: FaultPointsByOutcome, sampler: Sampler
) -> None:
    check_crashes(bundle, sampler.pick(crash_points(undisturbed_points), 40))
