"""Death, reboots and hangs in each state of an update: on coming into it, in the middle, and on the way out; once, and again and again.

The list is that of Mender's state tests. See `support.crash_device` for what is real here.
"""

import os
import random
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
from support.store_device import make_version

OLD = make_version("1")
TRIAL = Probation(min_baseline_s=0.5, min_s=1.0, min_frames=40, min_boxes=0)
MAX_FAULTS = 60
"""Then it happens no more."""
INSTALLER_STATES = ("fetching", "staged", "verified")
"""States in which the installer is at work."""
OUTCOMES = ("committed", "rolled-back")
STATES = (*INSTALLER_STATES, "self-tested", "trial", *OUTCOMES)
POSITIONS = ("coming in", "in the middle", "on the way out")
FaultPointMatcher = Callable[[FaultPoint], bool]
FaultPointsByOutcome = Mapping[str, Sequence[FaultPoint]]
"""All moments of two installations that nobody disturbs, by their outcome."""


class FaultCase(CrashDevice):
    """A device with version 1, which is asked to take version 2: that one is of a higher epoch."""

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
        """At any time: the old model looks, or the new one, in its trial and once it is kept; its file is there; the floor is right."""
        ledger, model = self.ledger, updates.active_model
        on_trial = ledger.deployment if self.state == "trial" else None
        assert updates.active_digest == (on_trial.digest if on_trial else ledger.current)
        assert model.settings.path is not None
        assert self.disk.read(model.settings.path, 1 << 20)
        assert ledger.epoch == (0 if ledger.current == OLD.digest else 1)

    def run_to_end(self) -> DeploymentRecord:
        """Nothing is left over then, and the links are right."""
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
        """That happens at this place, so many times at most."""
        left = times

        def fate(moment: FaultPoint) -> InjectedFault:
            nonlocal left
            if left and matches(moment):
                left -= 1
                return fault
            return "lives"

        self.inject = fate
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
    undisturbed_points: FaultPointsByOutcome, state: str, entry: str
) -> FaultPointMatcher:
    """Whether a moment is there."""
    actor = "installer" if state in INSTALLER_STATES else "daemon"
    moments = undisturbed_points["rolled-back" if state == "rolled-back" else "committed"]
    last = max(one.occurrence for one in moments if (one.actor, one.state) == (actor, state))
    number = {"coming in": 1, "in the middle": max(last // 2, 2), "on the way out": last}[entry]

    def there(moment: FaultPoint) -> bool:
        if (moment.actor, moment.state) != (actor, state) or moment.occurrence == 0:
            return False
        if entry == "on the way out" and state not in OUTCOMES:
            return bool(moment.new_state)
        return moment.occurrence == number

    return there


@pytest.mark.parametrize("entry", POSITIONS)
@pytest.mark.parametrize("state", STATES)
class TestDaemonDies:
    """And with it all that it has started."""

    def test_once(
        self, bundle: Path, undisturbed_points: FaultPointsByOutcome, state: str, entry: str
    ) -> None:
        case = FaultCase(bundle, model_falters=state == "rolled-back")
        past = case.run_with_fault("dies", match_fault_point(undisturbed_points, state, entry), 1)
        assert case.deaths == 1
        assert past.outcome == ("rolled-back" if state == "rolled-back" else "committed")

    @pytest.mark.parametrize("boots", [False, True], ids=["deaths", "reboots"])
    def test_again_and_again(
        self,
        bundle: Path,
        undisturbed_points: FaultPointsByOutcome,
        state: str,
        entry: str,
        boots: bool,  # noqa: FBT001 (parametrised)
    ) -> None:
        case = FaultCase(bundle, model_falters=state == "rolled-back", reboots_host=boots)
        past = case.run_with_fault(
            "dies", match_fault_point(undisturbed_points, state, entry), MAX_FAULTS
        )
        if state in OUTCOMES:
            assert past.outcome == state
        elif state == "trial":
            assert past.outcome == "rolled-back"
            assert case.deaths == (MAX_REBOOTS if boots else MAX_CRASHES)
            assert f"{case.deaths} times" in past.reason
        else:
            assert past.outcome == "rejected"
            assert f"in {MAX_TRANSITIONS} steps" in past.reason
            assert case.deaths <= MAX_TRANSITIONS


@pytest.mark.parametrize("entry", POSITIONS)
@pytest.mark.parametrize("state", INSTALLER_STATES)
class TestInstallerFails:
    """It alone, while the daemon lives."""

    @pytest.mark.parametrize("what", ["dies alone", "hangs"])
    def test_once(
        self,
        bundle: Path,
        undisturbed_points: FaultPointsByOutcome,
        state: str,
        entry: str,
        what: InjectedFault,
    ) -> None:
        case = FaultCase(bundle)
        began_ns = case.clock.monotonic_ns()
        past = case.run_with_fault(what, match_fault_point(undisturbed_points, state, entry), 1)
        took_s = (case.clock.monotonic_ns() - began_ns) / 1e9
        assert (past.outcome, case.deaths + case.hangs) == ("committed", 1)
        assert (
            took_s < 60
            if what == "dies alone"
            else MAX_INSTALLER_SILENCE_S < took_s < MAX_INSTALLER_SILENCE_S + 60
        )

    @pytest.mark.parametrize("what", ["dies alone", "hangs"])
    def test_again_and_again(
        self,
        bundle: Path,
        undisturbed_points: FaultPointsByOutcome,
        state: str,
        entry: str,
        what: InjectedFault,
    ) -> None:
        case = FaultCase(bundle)
        past = case.run_with_fault(
            what, match_fault_point(undisturbed_points, state, entry), MAX_FAULTS
        )
        assert past.outcome == "rejected"
        assert f"in {MAX_TRANSITIONS} steps" in past.reason
        assert ("killed by SIGKILL" if what == "dies alone" else "no progress") in past.reason


def crash_points(undisturbed_points: FaultPointsByOutcome) -> list[tuple[str, int]]:
    return [
        (over, place)
        for over, moments in undisturbed_points.items()
        for place in range(len(moments))
    ]


def check_crashes(bundle: Path, crash_points: Sequence[tuple[str, int]]) -> None:
    for over, place in crash_points:
        case = FaultCase(bundle, model_falters=over == "rolled-back")

        def there(_: FaultPoint, case: FaultCase = case, place: int = place) -> bool:
            return len(case.fault_points) == place + 1

        past = case.run_with_fault("dies", there, 1)
        assert (past.outcome, case.deaths) == (over, 1), case.fault_points[place]


def test_a_death_at_any_moment_changes_nothing(
    bundle: Path, undisturbed_points: FaultPointsByOutcome
) -> None:
    seed = int(os.environ.get("EDGED_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}")
    check_crashes(bundle, random.Random(seed).sample(crash_points(undisturbed_points), 40))


@pytest.mark.campaign
def test_a_death_at_each_moment_changes_nothing(
    bundle: Path, undisturbed_points: FaultPointsByOutcome
) -> None:
    check_crashes(bundle, crash_points(undisturbed_points))
