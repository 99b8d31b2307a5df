"""The rules of an update, and the ledger that they are about: no disk, no model."""

from collections.abc import Callable
from contextlib import suppress
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edged.errors import BundleError, StoreError, UpdateError
from edged.messaging.contract.model import DeploymentResult
from edged.updates.rules import deployment as rules
from edged.updates.rules import rollback
from edged.updates.rules.active_version import load_order
from edged.updates.rules.compatibility import check_admissible
from edged.updates.rules.ledger import (
    FACTORY,
    MAX_LEDGER_BYTES,
    Deployment,
    DeploymentRequest,
    DeploymentState,
    EndCause,
    Ledger,
    decode_ledger,
    encode_ledger,
    referenced_versions,
)
from support.store_device import SampleVersion, make_version

AT = "2027-01-01T00:00:00Z"
ONE, TWO, OTHER = (
    make_version("1"),
    make_version("2", counter=2, epoch=1),
    make_version("1", name="faces", epoch=1),
)
STATES: tuple[DeploymentState, ...] = get_args(DeploymentState)


def begin_deployment(ledger: Ledger | None = None, **request: object) -> Ledger:
    wanted = DeploymentRequest(source="a.edgem", **request)  # type: ignore[arg-type]  # as the tests have them
    return rules.begin(ledger or Ledger(), wanted, id_="1")


def bring_to_state(
    state: DeploymentState,
    ledger: Ledger | None = None,
    new: SampleVersion = TWO,
    **request: object,
) -> Ledger:
    """A deployment of `new` in that state."""
    steps: list[Callable[[Ledger], Ledger]] = [
        lambda ledger: rules.record_staged(ledger, at=AT),
        lambda ledger: rules.record_verified(ledger, new.manifest, new.digest, at=AT),
        lambda ledger: rules.record_self_tested(ledger, at=AT),
        lambda ledger: rules.begin_trial(ledger, boot_id="a", at=AT),
    ]
    ledger = begin_deployment(ledger, **request)
    for step in steps[: STATES.index(state)]:
        ledger = step(ledger)
    return ledger


def commit_versions(*versions: SampleVersion) -> Ledger:
    ledger = Ledger()
    for new in versions:
        ledger = rules.commit(bring_to_state("trial", ledger, new), at=AT)
    return ledger


def fail_trial(ledger: Ledger, reason: str) -> Ledger:
    return rollback.roll_back(ledger, EndCause.TRIAL_FAILED, reason, at=AT)


def reject(ledger: Ledger, reason: str, cause: EndCause = EndCause.BUNDLE_REFUSED) -> Ledger:
    return rollback.reject(ledger, cause, reason, at=AT)


def in_flight(ledger: Ledger) -> Deployment:
    assert ledger.deployment is not None
    return ledger.deployment


@pytest.mark.parametrize("state", STATES)
def test_each_state_follows_the_one_before(state: DeploymentState) -> None:
    deployment = in_flight(bring_to_state(state))
    assert deployment.state == state
    assert deployment.transitions == STATES.index(state) + 1
    known = state not in {"fetching", "staged"}
    assert deployment.digest == (TWO.digest if known else "")
    assert deployment.title == ("marks@2" if known else "")


def test_a_commit_keeps_the_old_one_as_previous_and_raises_the_floor() -> None:
    ledger = commit_versions(ONE, TWO)
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


def test_a_commit_that_lacks_something_is_flagged() -> None:
    ledger = rules.commit(bring_to_state("trial"), at=AT, flag_reason="an operator did not wait")
    assert ledger.past[-1].flagged
    assert ledger.past[-1].reason == "an operator did not wait"


def test_the_same_again_leaves_the_previous_one() -> None:
    ledger = commit_versions(ONE, TWO, TWO)
    assert (ledger.current, ledger.previous) == (TWO.digest, ONE.digest)


def test_another_model_has_a_counter_of_its_own() -> None:
    assert commit_versions(TWO, OTHER).counters == {"marks": 2, "faces": 1}


@pytest.mark.parametrize("state", STATES[:-1])
def test_only_a_trial_is_committed(state: DeploymentState) -> None:
    with pytest.raises(UpdateError, match=rf"not in its trial yet.*{state}"):
        rules.commit(bring_to_state(state), at=AT)


def test_one_deployment_at_a_time() -> None:
    with pytest.raises(UpdateError, match="is being installed"):
        begin_deployment(begin_deployment())


@pytest.mark.parametrize(
    "source",
    [
        "",
        "a" * 4097,
        "bad \udcff name",
        "/a\0b.edgem",
        "file:///a%00b.edgem",
        "https://[::1/m",
        "https:///m",
        "https://h:99999/m",
        "https://h:x/m",
        "https://h/a b",
        "https:/h/m",
        "http://256.1.1.1/m",
    ],
)
def test_a_source_that_cannot_be_written_down_is_refused(source: str) -> None:
    with pytest.raises(UpdateError, match="cannot be a source"):
        rules.begin(Ledger(), DeploymentRequest(source=source), id_="1")


@pytest.mark.parametrize("act", [rules.record_staged, rules.record_self_tested, rules.commit])
def test_without_a_deployment_there_is_nothing_to_do(act: Callable[..., Ledger]) -> None:
    with pytest.raises(UpdateError, match="no update is in flight"):
        act(Ledger(), at=AT)


class TestAdmission:
    def test_what_is_newer_may_come(self) -> None:
        check_admissible(begin_deployment(commit_versions(ONE)), TWO.manifest, TWO.digest)

    def test_only_what_was_requested(self) -> None:
        check_admissible(begin_deployment(expected=TWO.digest), TWO.manifest, TWO.digest)
        with pytest.raises(BundleError, match="not the requested version"):
            check_admissible(begin_deployment(expected=ONE.digest), TWO.manifest, TWO.digest)

    @pytest.mark.parametrize("words", [{}, {"downgrade": True, "force": True}])
    def test_nothing_below_the_floor_whatever_the_operator_requests(
        self, words: dict[str, object]
    ) -> None:
        with pytest.raises(BundleError, match="accepts no epoch below 1"):
            check_admissible(
                begin_deployment(commit_versions(TWO), **words), ONE.manifest, ONE.digest
            )

    def test_a_lower_counter_only_from_an_operator_who_means_it(self) -> None:
        newer, older = make_version("3", counter=3), make_version("2", counter=2)
        ledger = commit_versions(newer)
        check_admissible(begin_deployment(ledger, downgrade=True), older.manifest, older.digest)
        for words in ({}, {"downgrade": True, "requested_by": "channel"}):
            with pytest.raises(BundleError, match="--downgrade"):
                check_admissible(begin_deployment(ledger, **words), older.manifest, older.digest)

    def test_what_has_failed_only_by_force_and_then_it_is_forgiven(self) -> None:
        ledger = fail_trial(bring_to_state("trial"), "it sees nothing")
        with pytest.raises(BundleError, match="failed here before: it sees nothing"):
            check_admissible(begin_deployment(ledger), TWO.manifest, TWO.digest)
        check_admissible(begin_deployment(ledger, force=True), TWO.manifest, TWO.digest)
        assert bring_to_state("verified", ledger, force=True).denied == {}


class TestFailure:
    def test_a_model_that_fails_its_trial_is_denied(self) -> None:
        before = commit_versions(ONE)
        ledger = fail_trial(bring_to_state("trial", before), "it sees nothing")
        assert ledger.denied == {TWO.digest: "it sees nothing"}
        assert (ledger.current, ledger.epoch) == (before.current, before.epoch)
        assert ledger.past[-1].outcome == "rolled-back"

    def test_a_trial_that_is_called_off_denies_nothing(self) -> None:
        ledger = rollback.roll_back(bring_to_state("trial"), EndCause.OPERATOR, at=AT)
        assert ledger.denied == {}
        assert ledger.past[-1].cause is EndCause.OPERATOR
        assert ledger.past[-1].reason == "rolled back by an operator"

    def test_every_cause_has_its_words_and_its_value_in_the_contract(self) -> None:
        assert list(rollback.DEFAULT_REASONS) == list(EndCause)
        values, _none = get_args(get_type_hints(DeploymentResult)["cause"])
        assert get_args(values) == tuple(cause.value for cause in EndCause)

    @pytest.mark.parametrize("cause", [EndCause.OPERATOR, EndCause.CRASH_LOOP])
    @pytest.mark.parametrize("state", STATES[:-1])
    def test_a_deployment_that_is_rolled_back_before_its_trial_is_rejected_and_not_denied(
        self, state: DeploymentState, cause: EndCause
    ) -> None:
        ledger = rollback.roll_back(bring_to_state(state, commit_versions(ONE)), cause, at=AT)
        assert (ledger.current, ledger.deployment, ledger.denied) == (ONE.digest, None, {})
        assert (ledger.past[-1].outcome, ledger.past[-1].cause) == ("rejected", cause)

    def test_a_bundle_that_is_rejected_is_not_denied_unless_its_model_is_to_blame(self) -> None:
        verified = bring_to_state("verified")
        assert reject(verified, "no").denied == {}
        assert reject(verified, "no", EndCause.SELF_TEST_FAILED).denied == {TWO.digest: "no"}

    def test_the_latest_failures_are_remembered(self) -> None:
        denied = {f"{k:064}": "no" for k in range(rollback.MAX_DENIED)}
        ledger = replace(bring_to_state("trial"), denied=denied)
        ledger = fail_trial(ledger, "new")
        assert len(ledger.denied) == rollback.MAX_DENIED
        assert TWO.digest in ledger.denied
        assert f"{0:064}" not in ledger.denied

    def test_what_fails_again_has_failed_lately_also_after_it_was_written(self) -> None:
        denied = {TWO.digest: "once"} | {f"{k:064}": "no" for k in range(rollback.MAX_DENIED - 1)}
        ledger = fail_trial(replace(bring_to_state("trial"), denied=denied), "twice")
        ledger = decode_ledger(encode_ledger(ledger))
        assert list(ledger.denied)[-1] == TWO.digest
        assert ledger.denied[TWO.digest] == "twice"

    def test_the_past_is_bounded(self) -> None:
        ledger = Ledger()
        for k in range(rollback.MAX_HISTORY + 5):
            ledger = reject(begin_deployment(ledger), f"{k}")
        assert [past.reason for past in ledger.past] == [f"{k}" for k in range(5, 25)]

    def test_a_reason_that_is_no_text_can_be_written_down(self) -> None:
        reason = "cannot read \udcff" * 100
        ledger = reject(bring_to_state("verified"), reason, EndCause.SELF_TEST_FAILED)
        ledger = decode_ledger(encode_ledger(ledger))
        assert ledger.past[-1].reason.startswith("cannot read ?")
        assert len(ledger.past[-1].reason) <= 500


class TestTrial:
    def test_a_trial_ends_with_the_third_death(self) -> None:
        ledger = bring_to_state("trial", commit_versions(ONE))
        for _ in range(rules.MAX_CRASHES - 1):
            ledger = rules.record_start(ledger, boot_id="a", at=AT)
            assert in_flight(ledger).state == "trial"
        ledger = rules.record_start(ledger, boot_id="a", at=AT)
        assert ledger.current == ONE.digest
        assert "crashed 3 times" in ledger.past[-1].reason
        assert ledger.denied == {}, "the model does not run in the daemon"

    def test_a_trial_ends_with_the_fifth_boot(self) -> None:
        ledger = bring_to_state("trial", commit_versions(ONE))
        for boot in range(1, rules.MAX_REBOOTS):
            ledger = rules.record_start(ledger, boot_id=f"{boot}", at=AT)
            assert in_flight(ledger).deaths == 0
        ledger = rules.record_start(ledger, boot_id="last", at=AT)
        assert ledger.past[-1].reason == "the host was booted 5 times in the trial"
        assert ledger.past[-1].cause is EndCause.TRIAL_INTERRUPTED

    def test_a_proper_end_is_no_death(self) -> None:
        ledger = bring_to_state("trial")
        for _ in range(10):
            ledger = rules.record_start(rules.mark_clean_shutdown(ledger), boot_id="a", at=AT)
        assert in_flight(ledger).deaths == 0
        assert not in_flight(ledger).is_clean_shutdown
        assert in_flight(rules.record_start(ledger, boot_id="a", at=AT)).deaths == 1

    def test_a_clean_shutdown_is_marked_only_in_trials(self) -> None:
        for ledger in (Ledger(), bring_to_state("verified")):
            assert rules.mark_clean_shutdown(ledger) == ledger

    def test_a_start_without_a_deployment_is_nothing(self) -> None:
        assert rules.record_start(commit_versions(ONE), boot_id="b", at=AT) == commit_versions(ONE)


class TestTransitions:
    @pytest.mark.parametrize("state", STATES[:-1])
    def test_what_takes_the_host_down_before_a_trial_ends_too(self, state: DeploymentState) -> None:
        ledger = rules.block(bring_to_state(state), "no network", at=AT)
        starts = 0
        while ledger.deployment is not None:
            assert in_flight(ledger).state == state
            assert in_flight(ledger).blocked_reason == "no network"
            ledger = rules.record_start(ledger, boot_id=f"{starts}", at=AT)
            starts += 1
        assert starts <= rules.MAX_TRANSITIONS
        assert ledger.past[-1].outcome == "rejected"
        assert ledger.past[-1].cause is EndCause.ATTEMPTS_EXHAUSTED
        assert ledger.past[-1].reason == (
            "the deployment did not end within 40 steps; the last obstacle: no network"
        )
        assert ledger.denied == {}

    def test_a_trial_with_too_many_is_rolled_back(self) -> None:
        ledger = bring_to_state("trial", commit_versions(ONE))
        while ledger.deployment is not None:
            ledger = rules.block(ledger, "busy", at=AT)
        assert ledger.past[-1].outcome == "rolled-back"
        assert ledger.past[-1].cause is EndCause.ATTEMPTS_EXHAUSTED
        assert ledger.current == ONE.digest
        assert ledger.denied == {}, "a full disk, or a device that is switched off every night"

    def test_progress_ends_a_block(self) -> None:
        ledger = rules.block(begin_deployment(), "no network", at=AT)
        assert in_flight(rules.record_staged(ledger, at=AT)).blocked_reason == ""


class TestRollBackToPrevious:
    def roll_back(
        self,
        ledger: Ledger,
        reason: str | None = None,
        *,
        cause: EndCause = EndCause.OPERATOR,
        previous_epoch: int | None = 0,
    ) -> Ledger:
        return rollback.roll_back(
            ledger,
            cause,
            reason,
            at=AT,
            id_="9",
            current_title="marks@2",
            previous_epoch=previous_epoch,
        )

    def test_to_the_previous_one(self) -> None:
        two = make_version("2", counter=2)
        ledger = self.roll_back(commit_versions(ONE, two))
        assert (ledger.current, ledger.previous) == (ONE.digest, FACTORY)
        assert ledger.past[-1].digest == two.digest
        assert ledger.denied == {}
        ledger = self.roll_back(ledger)
        assert (ledger.current, ledger.previous) == (FACTORY, FACTORY)

    def test_not_below_the_floor(self) -> None:
        with pytest.raises(UpdateError, match="accepts no epoch below 1"):
            self.roll_back(commit_versions(ONE, TWO))

    def test_the_operators_words_are_kept(self) -> None:
        ledger = self.roll_back(commit_versions(ONE), "it misses marks")
        assert ledger.past[-1].reason == "it misses marks"
        assert ledger.past[-1].cause is EndCause.OPERATOR
        assert "an operator" in self.roll_back(commit_versions(ONE)).past[-1].reason

    @pytest.mark.parametrize("cause", [EndCause.OPERATOR, EndCause.CRASH_LOOP])
    def test_not_from_the_factory_model(self, cause: EndCause) -> None:
        with pytest.raises(UpdateError, match="no previous model: the factory model"):
            self.roll_back(Ledger(), cause=cause)

    def test_an_operator_does_not_go_back_to_a_damaged_version(self) -> None:
        two = make_version("2", counter=2)
        with pytest.raises(UpdateError, match="the previous model is damaged"):
            self.roll_back(commit_versions(ONE, two), previous_epoch=None)

    @pytest.mark.parametrize(("previous_epoch", "usable"), [(1, True), (0, False), (None, False)])
    def test_a_crash_loop_denies_the_current_version_and_goes_to_what_can_be_used(
        self,
        previous_epoch: int | None,
        usable: bool,  # noqa: FBT001 (parametrised)
    ) -> None:
        ledger = self.roll_back(
            commit_versions(ONE, TWO), cause=EndCause.CRASH_LOOP, previous_epoch=previous_epoch
        )
        assert (ledger.current, ledger.previous) == (ONE.digest if usable else FACTORY, FACTORY)
        assert ledger.denied == {TWO.digest: "the daemon kept failing with this model"}
        assert ledger.past[-1].cause is EndCause.CRASH_LOOP


def test_what_is_kept_and_what_is_loaded() -> None:
    ledger = bring_to_state(
        "verified", commit_versions(ONE, TWO), new=make_version("3", counter=3, epoch=1)
    )
    assert referenced_versions(ledger) == {ONE.digest, TWO.digest, in_flight(ledger).digest}
    assert load_order(ledger) == (TWO.digest, ONE.digest, FACTORY)
    assert referenced_versions(Ledger()) == frozenset()
    assert load_order(Ledger()) == (FACTORY,)


class TestLedger:
    def test_it_is_read_as_it_was_written(self) -> None:
        ledger = rules.block(bring_to_state("trial", commit_versions(ONE)), "ü", at=AT)
        assert decode_ledger(encode_ledger(ledger)) == ledger

    @given(st.binary(max_size=200))
    def test_whatever_is_no_ledger_is_an_error_of_ours(self, content: bytes) -> None:
        with pytest.raises(StoreError):
            decode_ledger(content)

    def test_an_empty_table_is_no_ledger(self) -> None:
        with pytest.raises(StoreError, match="no schema"):
            decode_ledger(b"{}")

    @given(st.data())
    def test_a_ledger_with_a_fault_is_read_or_refused(self, data: st.DataObject) -> None:
        content = bytearray(encode_ledger(bring_to_state("trial", commit_versions(ONE))))
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        with suppress(StoreError):
            decode_ledger(bytes(content))

    def test_more_than_is_read_is_not_written(self) -> None:
        with pytest.raises(StoreError, match="are allowed"):
            encode_ledger(Ledger(denied={ONE.digest: "x" * MAX_LEDGER_BYTES}))

    def test_the_largest_one_can_be_written(self) -> None:
        ledger = Ledger(denied={f"{k:064}": "no" * 250 for k in range(rollback.MAX_DENIED)})
        for k in range(rollback.MAX_HISTORY):
            ledger = rules.begin(
                ledger, DeploymentRequest(source="\N{GRINNING FACE}" * 4096), id_=f"{k}"
            )
            ledger = reject(ledger, "\N{GRINNING FACE}" * 500)
        assert len(encode_ledger(ledger)) < MAX_LEDGER_BYTES
