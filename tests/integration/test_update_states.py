"""Death, reboots and hangs in each state of an update: on coming into it, in the middle, and on the way out; once, and again and again.

The list is that of Mender's state tests. See `support.dying` for what is real here.
"""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from edged.updates.bundle.manifest import Probation
from edged.updates.rules.deployment import MOST_BOOTS, MOST_DEATHS, MOST_TRANSITIONS
from edged.updates.rules.ledger import Past
from edged.updates.service.service import SILENT_S, Updates
from support.bundles import make_bundle
from support.disk import ROOT
from support.dying import SIGNING, DyingDevice, Fate, Moment
from support.installation import made

OLD = made("1")
TRIAL = Probation(baseline_s=0.5, min_s=1.0, min_frames=40, least_boxes=0)
MOST_TIMES = 60
"""Then it happens no more."""
BROUGHT_IN = ("fetching", "staged", "verified")
"""States in which the installer is at work."""
OVER = ("committed", "rolled-back")
STATES = (*BROUGHT_IN, "self-tested", "trial", *OVER)
ENTRIES = ("coming in", "in the middle", "on the way out")
Is = Callable[[Moment], bool]
Undisturbed = Mapping[str, Sequence[Moment]]
"""All moments of two installations that nobody disturbs, by their outcome."""


class Case(DyingDevice):
    """A device with version 1, which is asked to take version 2: that one is of a higher epoch."""

    def __init__(self, bundle: Path, *, doomed: bool = False, boots: bool = False) -> None:
        super().__init__(bundle.parent, bundle, OLD, doomed=doomed, boots=boots, watch=self._check)

    def _check(self, updates: Updates) -> None:
        """At any time: the old model looks, or the new one, in its trial and once it is kept; its file is there; the floor is right."""
        ledger, choice = self.ledger, updates.choice
        on_trial = ledger.deployment if self.state == "trial" else None
        assert choice.digest == (on_trial.digest if on_trial else ledger.current)
        assert choice.model.path is not None
        assert self.disk.read(choice.model.path, 1 << 20)
        assert ledger.epoch == (0 if ledger.current == OLD.digest else 1)

    def to_its_end(self) -> Past:
        """Nothing is left over then, and the links are right."""
        past = self.install()
        ledger, kept = self.ledger, {OLD.digest}
        if past.outcome == "committed":
            kept.add(past.digest)
            assert (ledger.current, ledger.previous) == (past.digest, OLD.digest)
        else:
            assert (ledger.current, ledger.previous) == (OLD.digest, "")
            assert past.reason
        assert set(self.disk.names(ROOT / "versions")) == kept
        assert self.disk.names(ROOT / "incoming") == ()
        assert self.disk.link_target(ROOT / "current") == f"versions/{ledger.current}"
        return past

    def suffer(self, what: Fate, there: Is, times: int) -> Past:
        """That happens at this place, so many times at most."""
        left = times

        def fate(moment: Moment) -> Fate:
            nonlocal left
            if left and there(moment):
                left -= 1
                return what
            return "lives"

        self.fate = fate
        return self.to_its_end()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    return make_bundle(folder, SIGNING, version="2", counter=2, epoch=1, probation=TRIAL)


@pytest.fixture(scope="module")
def undisturbed(bundle: Path) -> Undisturbed:
    cases = {outcome: Case(bundle, doomed=outcome == "rolled-back") for outcome in OVER}
    assert [case.to_its_end().outcome for case in cases.values()] == list(OVER)
    return {outcome: case.moments for outcome, case in cases.items()}


def place(undisturbed: Undisturbed, state: str, entry: str) -> Is:
    """Whether a moment is there."""
    actor = "installer" if state in BROUGHT_IN else "daemon"
    moments = undisturbed["rolled-back" if state == "rolled-back" else "committed"]
    last = max(one.number for one in moments if (one.actor, one.state) == (actor, state))
    number = {"coming in": 1, "in the middle": max(last // 2, 2), "on the way out": last}[entry]

    def there(moment: Moment) -> bool:
        if (moment.actor, moment.state) != (actor, state) or moment.number == 0:
            return False
        if entry == "on the way out" and state not in OVER:
            return bool(moment.writes)
        return moment.number == number

    return there


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("state", STATES)
class TestTheDaemonDies:
    """And with it all that it has started."""

    def test_once(self, bundle: Path, undisturbed: Undisturbed, state: str, entry: str) -> None:
        case = Case(bundle, doomed=state == "rolled-back")
        past = case.suffer("dies", place(undisturbed, state, entry), 1)
        assert case.deaths == 1
        assert past.outcome == ("rolled-back" if state == "rolled-back" else "committed")

    @pytest.mark.parametrize("boots", [False, True], ids=["deaths", "reboots"])
    def test_again_and_again(
        self,
        bundle: Path,
        undisturbed: Undisturbed,
        state: str,
        entry: str,
        boots: bool,  # noqa: FBT001 (parametrised)
    ) -> None:
        case = Case(bundle, doomed=state == "rolled-back", boots=boots)
        past = case.suffer("dies", place(undisturbed, state, entry), MOST_TIMES)
        if state in OVER:
            assert past.outcome == state
        elif state == "trial":
            assert past.outcome == "rolled-back"
            assert case.deaths == (MOST_BOOTS if boots else MOST_DEATHS)
            assert f"{case.deaths} times" in past.reason
        else:
            assert past.outcome == "rejected"
            assert f"in {MOST_TRANSITIONS} steps" in past.reason
            assert case.deaths <= MOST_TRANSITIONS


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("state", BROUGHT_IN)
class TestTheInstaller:
    """It alone, while the daemon lives."""

    @pytest.mark.parametrize("what", ["dies alone", "hangs"])
    def test_once(
        self, bundle: Path, undisturbed: Undisturbed, state: str, entry: str, what: Fate
    ) -> None:
        case = Case(bundle)
        began_ns = case.clock.monotonic_ns()
        past = case.suffer(what, place(undisturbed, state, entry), 1)
        took_s = (case.clock.monotonic_ns() - began_ns) / 1e9
        assert (past.outcome, case.deaths + case.hangs) == ("committed", 1)
        assert took_s < 60 if what == "dies alone" else SILENT_S < took_s < SILENT_S + 60

    @pytest.mark.parametrize("what", ["dies alone", "hangs"])
    def test_again_and_again(
        self, bundle: Path, undisturbed: Undisturbed, state: str, entry: str, what: Fate
    ) -> None:
        case = Case(bundle)
        past = case.suffer(what, place(undisturbed, state, entry), MOST_TIMES)
        assert past.outcome == "rejected"
        assert f"in {MOST_TRANSITIONS} steps" in past.reason
        assert ("killed by SIGKILL" if what == "dies alone" else "no progress") in past.reason


def places(undisturbed: Undisturbed) -> list[tuple[str, int]]:
    return [(over, place) for over, moments in undisturbed.items() for place in range(len(moments))]


def check_deaths(bundle: Path, places: Sequence[tuple[str, int]]) -> None:
    for over, place in places:
        case = Case(bundle, doomed=over == "rolled-back")

        def there(_: Moment, case: Case = case, place: int = place) -> bool:
            return len(case.moments) == place + 1

        past = case.suffer("dies", there, 1)
        assert (past.outcome, case.deaths) == (over, 1), case.moments[place]


def test_a_death_at_any_moment_changes_nothing(bundle: Path, undisturbed: Undisturbed) -> None:
    seed = int(os.environ.get("EDGED_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}")
    check_deaths(bundle, random.Random(seed).sample(places(undisturbed), 40))


@pytest.mark.campaign
def test_a_death_at_each_moment_changes_nothing(bundle: Path, undisturbed: Undisturbed) -> None:
    check_deaths(bundle, places(undisturbed))
