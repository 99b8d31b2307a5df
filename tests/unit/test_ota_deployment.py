"""The rules of an update, and the ledger that they are about: no disk, no model."""

from collections.abc import Callable
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edged.errors import BundleError, StoreError, UpdateError
from edged.updates.rules import deployment as rules
from edged.updates.rules.ledger import (
    FACTORY,
    MOST_LEDGER_BYTES,
    Deployment,
    Ledger,
    Request,
    Underway,
    read_ledger,
    write_ledger,
)
from support.installation import Made, made

AT = "2027-01-01T00:00:00Z"
ONE, TWO, OTHER = made("1"), made("2", counter=2, epoch=1), made("1", name="faces", epoch=1)
STATES: tuple[Underway, ...] = get_args(Underway)


def begun(ledger: Ledger | None = None, **request: object) -> Ledger:
    wanted = Request(source="a.edgem", **request)  # type: ignore[arg-type]  # as the tests have them
    return rules.begin(ledger or Ledger(), wanted, id_="1")


def brought(
    state: Underway, ledger: Ledger | None = None, new: Made = TWO, **request: object
) -> Ledger:
    """A deployment of `new` in that state."""
    steps: list[Callable[[Ledger], Ledger]] = [
        lambda ledger: rules.staged(ledger, at=AT),
        lambda ledger: rules.verified(ledger, new.manifest, new.digest, at=AT),
        lambda ledger: rules.tested(ledger, at=AT),
        lambda ledger: rules.begin_trial(ledger, boot="a", at=AT),
    ]
    ledger = begun(ledger, **request)
    for step in steps[: STATES.index(state)]:
        ledger = step(ledger)
    return ledger


def committed(*versions: Made) -> Ledger:
    ledger = Ledger()
    for new in versions:
        ledger = rules.commit(brought("trial", ledger, new), at=AT)
    return ledger


def in_flight(ledger: Ledger) -> Deployment:
    assert ledger.deployment is not None
    return ledger.deployment


@pytest.mark.parametrize("state", STATES)
def test_each_state_follows_the_one_before(state: Underway) -> None:
    deployment = in_flight(brought(state))
    assert deployment.state == state
    assert deployment.transitions == STATES.index(state) + 1
    known = state not in {"fetching", "staged"}
    assert deployment.digest == (TWO.digest if known else "")
    assert deployment.title == ("marks@2" if known else "")


def test_a_commit_keeps_the_old_one_as_previous_and_raises_the_floor() -> None:
    ledger = committed(ONE, TWO)
    assert (ledger.current, ledger.previous) == (TWO.digest, ONE.digest)
    assert (ledger.epoch, ledger.counters) == (1, {"marks": 2})
    assert ledger.deployment is None
    past = ledger.past[-1]
    assert (past.outcome, past.reason, past.flagged, past.title) == (
        "committed",
        "",
        False,
        "marks@2",
    )


def test_a_commit_that_lacks_something_says_so() -> None:
    ledger = rules.commit(brought("trial"), at=AT, flag="an operator did not wait")
    assert ledger.past[-1].flagged
    assert ledger.past[-1].reason == "an operator did not wait"


def test_the_same_again_leaves_the_previous_one() -> None:
    ledger = committed(ONE, TWO, TWO)
    assert (ledger.current, ledger.previous) == (TWO.digest, ONE.digest)


def test_another_model_has_a_counter_of_its_own() -> None:
    assert committed(TWO, OTHER).counters == {"marks": 2, "faces": 1}


@pytest.mark.parametrize("state", STATES[:-1])
def test_only_a_trial_is_committed(state: Underway) -> None:
    with pytest.raises(UpdateError, match=rf"not in its trial yet.*{state}"):
        rules.commit(brought(state), at=AT)


def test_one_deployment_at_a_time() -> None:
    with pytest.raises(UpdateError, match="on its way in"):
        begun(begun())
    with pytest.raises(UpdateError, match="on its way in"):
        rules.go_back(begun(committed(ONE)), epoch=0, title="", id_="2", at=AT)


@pytest.mark.parametrize("source", ["a" * 4097, "bad \udcff name"])
def test_a_source_that_cannot_be_written_down_is_refused(source: str) -> None:
    with pytest.raises(UpdateError, match="is no source"):
        rules.begin(Ledger(), Request(source=source), id_="1")


@pytest.mark.parametrize("act", [rules.staged, rules.tested, rules.commit])
def test_without_a_deployment_there_is_nothing_to_do(act: Callable[..., Ledger]) -> None:
    with pytest.raises(UpdateError, match="no update is in flight"):
        act(Ledger(), at=AT)


class TestAdmission:
    def test_what_is_newer_may_come(self) -> None:
        rules.admit(begun(committed(ONE)), TWO.manifest, TWO.digest)

    def test_only_what_was_asked_for(self) -> None:
        rules.admit(begun(expected=TWO.digest), TWO.manifest, TWO.digest)
        with pytest.raises(BundleError, match="not the one that was asked for"):
            rules.admit(begun(expected=ONE.digest), TWO.manifest, TWO.digest)

    @pytest.mark.parametrize("words", [{}, {"downgrade": True, "force": True}])
    def test_nothing_below_the_floor_whatever_the_operator_says(
        self, words: dict[str, object]
    ) -> None:
        with pytest.raises(BundleError, match="takes nothing below 1"):
            rules.admit(begun(committed(TWO), **words), ONE.manifest, ONE.digest)

    def test_a_lower_counter_only_from_an_operator_who_means_it(self) -> None:
        newer, older = made("3", counter=3), made("2", counter=2)
        ledger = committed(newer)
        rules.admit(begun(ledger, downgrade=True), older.manifest, older.digest)
        for words in ({}, {"downgrade": True, "requested_by": "channel"}):
            with pytest.raises(BundleError, match="--downgrade"):
                rules.admit(begun(ledger, **words), older.manifest, older.digest)

    def test_what_has_failed_only_by_force_and_then_it_is_forgiven(self) -> None:
        ledger = rules.roll_back(brought("trial"), "it sees nothing", at=AT)
        with pytest.raises(BundleError, match="failed here before: it sees nothing"):
            rules.admit(begun(ledger), TWO.manifest, TWO.digest)
        rules.admit(begun(ledger, force=True), TWO.manifest, TWO.digest)
        assert brought("verified", ledger, force=True).denied == {}


class TestFailure:
    def test_a_model_that_fails_its_trial_is_denied(self) -> None:
        before = committed(ONE)
        ledger = rules.roll_back(brought("trial", before), "it sees nothing", at=AT)
        assert ledger.denied == {TWO.digest: "it sees nothing"}
        assert (ledger.current, ledger.epoch) == (before.current, before.epoch)
        assert ledger.past[-1].outcome == "rolled-back"

    def test_a_trial_that_is_called_off_denies_nothing(self) -> None:
        assert rules.roll_back(brought("trial"), "called off", at=AT, deny=False).denied == {}

    def test_a_bundle_that_is_rejected_is_not_denied_unless_its_model_is_to_blame(self) -> None:
        assert rules.reject(brought("verified"), "no", at=AT).denied == {}
        denied = rules.reject(brought("verified"), "no", at=AT, deny=True).denied
        assert denied == {TWO.digest: "no"}
        assert rules.reject(begun(), "no", at=AT, deny=True).denied == {}

    def test_the_latest_failures_are_remembered(self) -> None:
        denied = {f"{k:064}": "no" for k in range(rules.MOST_DENIED)}
        ledger = replace(brought("trial"), denied=denied)
        ledger = rules.roll_back(ledger, "new", at=AT)
        assert len(ledger.denied) == rules.MOST_DENIED
        assert TWO.digest in ledger.denied
        assert f"{0:064}" not in ledger.denied

    def test_what_fails_again_has_failed_lately_also_after_it_was_written(self) -> None:
        denied = {TWO.digest: "once"} | {f"{k:064}": "no" for k in range(rules.MOST_DENIED - 1)}
        ledger = rules.roll_back(replace(brought("trial"), denied=denied), "twice", at=AT)
        ledger = read_ledger(write_ledger(ledger))
        assert list(ledger.denied)[-1] == TWO.digest
        assert ledger.denied[TWO.digest] == "twice"

    def test_the_past_is_bounded(self) -> None:
        ledger = Ledger()
        for k in range(rules.MOST_PAST + 5):
            ledger = rules.reject(begun(ledger), f"{k}", at=AT)
        assert [past.reason for past in ledger.past] == [f"{k}" for k in range(5, 25)]

    def test_a_reason_that_is_no_text_can_be_written_down(self) -> None:
        ledger = rules.reject(brought("verified"), "cannot read \udcff" * 100, at=AT, deny=True)
        ledger = read_ledger(write_ledger(ledger))
        assert ledger.past[-1].reason.startswith("cannot read ?")
        assert len(ledger.past[-1].reason) <= 500


class TestTrial:
    def test_a_trial_ends_with_the_third_death(self) -> None:
        ledger = brought("trial", committed(ONE))
        for _ in range(rules.MOST_DEATHS - 1):
            ledger = rules.started(ledger, boot="a", at=AT)
            assert in_flight(ledger).state == "trial"
        ledger = rules.started(ledger, boot="a", at=AT)
        assert ledger.current == ONE.digest
        assert "died 3 times" in ledger.denied[TWO.digest]

    def test_a_trial_ends_with_the_fifth_boot(self) -> None:
        ledger = brought("trial", committed(ONE))
        for boot in range(1, rules.MOST_BOOTS):
            ledger = rules.started(ledger, boot=f"{boot}", at=AT)
            assert in_flight(ledger).deaths == 0
        ledger = rules.started(ledger, boot="last", at=AT)
        assert ledger.past[-1].reason == "the host was booted 5 times in the trial"

    def test_a_proper_end_is_no_death(self) -> None:
        ledger = brought("trial")
        for _ in range(10):
            ledger = rules.started(rules.rest(ledger), boot="a", at=AT)
        assert in_flight(ledger).deaths == 0
        assert not in_flight(ledger).resting
        assert in_flight(rules.started(ledger, boot="a", at=AT)).deaths == 1

    def test_rest_is_for_trials(self) -> None:
        for ledger in (Ledger(), brought("verified")):
            assert rules.rest(ledger) == ledger

    def test_a_start_without_a_deployment_is_nothing(self) -> None:
        assert rules.started(committed(ONE), boot="b", at=AT) == committed(ONE)


class TestTransitions:
    @pytest.mark.parametrize("state", STATES[:-1])
    def test_what_takes_the_host_down_before_a_trial_ends_too(self, state: Underway) -> None:
        ledger = rules.hindered(brought(state), "no network", at=AT)
        starts = 0
        while ledger.deployment is not None:
            assert in_flight(ledger).state == state
            assert in_flight(ledger).hindrance == "no network"
            ledger = rules.started(ledger, boot=f"{starts}", at=AT)
            starts += 1
        assert starts <= rules.MOST_TRANSITIONS
        assert ledger.past[-1].outcome == "rejected"
        assert ledger.past[-1].reason == "it did not come through in 40 steps; at last: no network"
        assert ledger.denied == {}

    def test_a_trial_with_too_many_is_rolled_back(self) -> None:
        ledger = brought("trial", committed(ONE))
        while ledger.deployment is not None:
            ledger = rules.hindered(ledger, "busy", at=AT)
        assert ledger.past[-1].outcome == "rolled-back"
        assert ledger.current == ONE.digest

    def test_progress_ends_a_hindrance(self) -> None:
        ledger = rules.hindered(begun(), "no network", at=AT)
        assert in_flight(rules.staged(ledger, at=AT)).hindrance == ""


class TestGoingBack:
    def go_back(self, ledger: Ledger, epoch: int = 0) -> Ledger:
        return rules.go_back(ledger, epoch=epoch, title="marks@2", id_="9", at=AT)

    def test_to_the_previous_one(self) -> None:
        two = made("2", counter=2)
        ledger = self.go_back(committed(ONE, two))
        assert (ledger.current, ledger.previous) == (ONE.digest, FACTORY)
        assert ledger.past[-1].digest == two.digest
        assert ledger.denied == {}
        ledger = self.go_back(ledger)
        assert (ledger.current, ledger.previous) == (FACTORY, FACTORY)

    def test_not_below_the_floor(self) -> None:
        with pytest.raises(UpdateError, match="takes nothing below 1"):
            self.go_back(committed(ONE, TWO))

    def test_the_operators_words_are_kept(self) -> None:
        ledger = rules.go_back(
            committed(ONE), "it misses marks", epoch=0, title="marks@2", id_="9", at=AT
        )
        assert ledger.past[-1].reason == "it misses marks"
        assert "an operator" in self.go_back(committed(ONE)).past[-1].reason

    def test_not_from_the_factory_model(self) -> None:
        with pytest.raises(UpdateError, match="nothing to go back to"):
            self.go_back(Ledger())


def test_what_is_kept_and_what_is_loaded() -> None:
    ledger = brought("verified", committed(ONE, TWO), new=made("3", counter=3, epoch=1))
    assert rules.kept_versions(ledger) == {ONE.digest, TWO.digest, in_flight(ledger).digest}
    assert rules.load_order(ledger) == (TWO.digest, ONE.digest, FACTORY)
    assert rules.kept_versions(Ledger()) == frozenset()
    assert rules.load_order(Ledger()) == (FACTORY,)


class TestLedger:
    def test_it_is_read_as_it_was_written(self) -> None:
        ledger = rules.hindered(brought("trial", committed(ONE)), "ü", at=AT)
        assert read_ledger(write_ledger(ledger)) == ledger

    @given(st.binary(max_size=200))
    def test_whatever_is_no_ledger_is_an_error_of_ours(self, content: bytes) -> None:
        with pytest.raises(StoreError):
            read_ledger(content)

    def test_an_empty_table_is_no_ledger(self) -> None:
        with pytest.raises(StoreError, match="no schema"):
            read_ledger(b"{}")

    @given(st.data())
    def test_a_ledger_with_a_fault_is_read_or_refused(self, data: st.DataObject) -> None:
        content = bytearray(write_ledger(brought("trial", committed(ONE))))
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        with suppress(StoreError):
            read_ledger(bytes(content))

    def test_more_than_is_read_is_not_written(self) -> None:
        with pytest.raises(StoreError, match="are allowed"):
            write_ledger(Ledger(denied={ONE.digest: "x" * MOST_LEDGER_BYTES}))

    def test_the_largest_one_can_be_written(self) -> None:
        ledger = Ledger(denied={f"{k:064}": "no" * 250 for k in range(rules.MOST_DENIED)})
        for k in range(rules.MOST_PAST):
            ledger = rules.begin(ledger, Request(source="\N{GRINNING FACE}" * 4096), id_=f"{k}")
            ledger = rules.reject(ledger, "\N{GRINNING FACE}" * 500, at=AT)
        assert len(write_ledger(ledger)) < MOST_LEDGER_BYTES
