"""A model on trial is kept, goes back, or is watched on; each reason has its numbers in it."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.evidence import Evidence
from edged.updates.rules.probation import (
    CommitVerdict,
    ContinueVerdict,
    RollbackVerdict,
    TrialVerdict,
    evaluate_trial,
)

T = TypeVar("T")
BASELINE = Baseline(fps=20.0, frame_s_p95=0.030)
SETTINGS = Probation()
GOOD = Evidence(
    measured_s=300.0,
    captured_frames=6000,
    inferred_frames=6000,
    timed_frames=6000,
    frame_s_p50=0.020,
    frame_s_p95=0.030,
    invoke_s_p95=0.025,
    shadowed_frames=600,
    shadow_s_p50=0.020,
    shadow_s_p95=0.031,
    shadow_total_s=18.0,
    matched_boxes=400,
    new_only_boxes=10,
    old_only_boxes=10,
    peak_memory_mb=60.0,
)


def judge_trial(
    evidence: Evidence = GOOD,
    *,
    baseline: Baseline = BASELINE,
    budgets: Budgets | None = None,
    settings: dict[str, Any] | None = None,
    **changes: Any,
) -> TrialVerdict:
    return evaluate_trial(
        msgspec.structs.replace(SETTINGS, **(settings or {})),
        budgets or Budgets(),
        baseline,
        replace(evidence, **changes),
    )


def rollback_reason(**changes: Any) -> str:
    back = judge_trial(**changes)
    assert isinstance(back, RollbackVerdict), back
    return back.reason


def commit_flag(**changes: Any) -> str:
    keep = judge_trial(**changes)
    assert isinstance(keep, CommitVerdict), keep
    return keep.flag_reason or ""


def early(**changes: Any) -> dict[str, Any]:
    """A tenth of a good trial: no rule has reason to be in doubt."""
    tenth: dict[str, Any] = {
        "measured_s": 30.0,
        "captured_frames": 600,
        "inferred_frames": 600,
        "timed_frames": 600,
        "shadowed_frames": 60,
    }
    return {
        **tenth,
        "shadow_total_s": 1.8,
        "matched_boxes": 110,
        "new_only_boxes": 1,
        "old_only_boxes": 1,
        **changes,
    }


def test_a_model_as_good_as_the_old_one_is_kept() -> None:
    assert judge_trial() == CommitVerdict()


def test_it_is_watched_until_its_time_and_its_frames_are_there() -> None:
    assert judge_trial(measured_s=299.0) == ContinueVerdict(0.99)
    assert judge_trial(**early()) == ContinueVerdict(0.1)
    few: dict[str, Any] = {"captured_frames": 499, "inferred_frames": 499, "measured_s": 300.0}
    assert judge_trial(settings={"min_fps_ratio": 0.0}, **few) == ContinueVerdict(0.99)


# Frames a second


def test_fewer_frames_a_second_send_it_back() -> None:
    assert rollback_reason(inferred_frames=5000) == (
        "it runs on 17.73 frames per second; 18.00 are required (0.9 of the 20.00 before)"
    )
    assert judge_trial(inferred_frames=5500) == CommitVerdict()


def test_cameras_that_give_fewer_frames_are_not_its_fault() -> None:
    assert (
        judge_trial(captured_frames=2000, inferred_frames=2000, timed_frames=2000)
        == CommitVerdict()
    )
    assert "frames per second" in rollback_reason(captured_frames=2000, inferred_frames=1500)


def test_frames_that_were_left_out_before_too_are_not_its_fault() -> None:
    assert judge_trial(captured_frames=12_000, inferred_frames=6000) == CommitVerdict()


def test_the_time_that_the_shadow_takes_is_not_its_fault() -> None:
    """A worker that has no time to spare sees a tenth less while it shows one frame in ten to both."""
    busy: dict[str, Any] = {
        "captured_frames": 9000,
        "inferred_frames": 5455,
        "shadow_total_s": 27.3,
        "measured_s": 300.0,
    }
    assert judge_trial(**busy, settings={"min_fps_ratio": 0.99}) == CommitVerdict()
    assert "frames per second" in rollback_reason(
        **{**busy, "worker_count": 2}, settings={"min_fps_ratio": 0.99}
    ), "two workers had twice the time"


def test_a_model_that_stands_still_goes_back_though_it_never_sees_enough_frames() -> None:
    slow: dict[str, Any] = early(captured_frames=600, inferred_frames=30, timed_frames=30)
    assert "it runs on 1.06 frames per second" in rollback_reason(**slow)


def test_frames_a_second_are_not_judged_after_a_few() -> None:
    assert isinstance(
        judge_trial(**early(measured_s=14.0, captured_frames=300, inferred_frames=30)),
        ContinueVerdict,
    )
    assert isinstance(judge_trial(**early(captured_frames=99, inferred_frames=9)), ContinueVerdict)


def test_a_short_trial_is_judged_in_its_own_time() -> None:
    short = {"min_s": 5.0, "min_frames": 100_000}
    assert "frames per second" in rollback_reason(
        settings=short, **early(measured_s=6.0, captured_frames=120, inferred_frames=12)
    )


# Times


def test_a_slower_model_goes_back() -> None:
    assert rollback_reason(frame_s_p95=0.040) == (
        "the 95th percentile of its time per frame is 40.0 ms; 38.8 ms are allowed (1.25 times the old model's 31.0 ms)"
    )
    assert "allowed" in rollback_reason(**early(frame_s_p95=0.040))


def test_a_machine_that_became_slower_is_not_its_fault() -> None:
    assert judge_trial(frame_s_p95=0.060, shadow_s_p95=0.050) == CommitVerdict()
    assert "60.0 ms" in rollback_reason(frame_s_p95=0.060, shadow_s_p95=0.010)


def test_a_few_shadow_frames_are_no_evidence_of_throttling() -> None:
    assert "37.5 ms" in rollback_reason(frame_s_p95=0.060, shadow_s_p95=0.050, shadowed_frames=19)
    assert isinstance(judge_trial(**early(frame_s_p95=0.060, shadowed_frames=19)), ContinueVerdict)


def test_without_a_baseline_the_shadow_is_one() -> None:
    assert judge_trial(baseline=Baseline(fps=20.0)) == CommitVerdict()
    assert "old model's 31.0 ms" in rollback_reason(baseline=Baseline(fps=20.0), frame_s_p95=0.1)


def test_the_budget_of_an_invocation() -> None:
    assert judge_trial(budgets=Budgets(invoke_ms_p95=25.0)) == CommitVerdict()
    assert rollback_reason(budgets=Budgets(invoke_ms_p95=20.0)) == (
        "the 95th percentile of an invocation is 25.0 ms; its budget is 20 ms"
    )
    assert isinstance(
        judge_trial(budgets=Budgets(invoke_ms_p95=20.0), **early(timed_frames=99)), ContinueVerdict
    )


# Failures


@pytest.mark.parametrize(("failed", "kept"), [(0, True), (6, True), (7, False), (600, False)])
def test_failed_frames(failed: int, *, kept: bool) -> None:
    assert isinstance(judge_trial(failed_frames=failed), CommitVerdict if kept else RollbackVerdict)


def test_failed_frames_are_reported_with_their_number() -> None:
    assert (
        rollback_reason(failed_frames=7)
        == "the model failed on 7 of 6007 frames; 0.10% are allowed"
    )


def test_one_failure_is_no_share_of_a_few_frames() -> None:
    few: dict[str, Any] = {
        "captured_frames": 600,
        "inferred_frames": 600,
        "failed_frames": 1,
        "measured_s": 300.0,
    }
    wide: dict[str, Any] = {"min_fps_ratio": 0.0}
    assert judge_trial(settings=wide, **few) == ContinueVerdict(0.99)
    assert judge_trial(settings=wide, **{**few, "inferred_frames": 999}) == CommitVerdict()
    assert commit_flag(settings=wide, **{**few, "measured_s": 3600.0}) == (
        "too little evidence for a comparison: 1 of only 601 frames failed, and 0.10% are allowed"
    )
    assert "failed on 1 of 601" in rollback_reason(settings={**wide, "max_error_rate": 0.0}, **few)


def test_failures_are_judged_early_only_if_no_good_frame_could_make_up_for_them() -> None:
    tenth: dict[str, Any] = {"max_error_rate": 0.1, "min_fps_ratio": 0.0}
    assert isinstance(
        judge_trial(settings=tenth, **early(inferred_frames=100, failed_frames=50)), ContinueVerdict
    )
    assert "failed on 51 of 151" in rollback_reason(
        settings=tenth, **early(inferred_frames=100, failed_frames=51)
    )


def test_a_lost_worker_and_nonsense_send_it_back_at_once() -> None:
    assert rollback_reason(evidence=Evidence(worker_loss="killed by SIGSEGV")) == (
        "a worker was lost in the trial: killed by SIGSEGV"
    )
    assert "NaN among the scores" in rollback_reason(
        evidence=Evidence(model_failure="NaN among the scores")
    )


def test_memory_is_kept_within_its_budget() -> None:
    budgets = Budgets(memory_mb=59.5)
    assert (
        rollback_reason(budgets=budgets)
        == "its worker takes 60 MiB of memory; its budget is 59.5 MiB"
    )
    assert "memory" in rollback_reason(budgets=budgets, evidence=Evidence(peak_memory_mb=60.0)), (
        "at once"
    )
    assert judge_trial(budgets=Budgets(memory_mb=60.0)) == CommitVerdict()
    assert "memory" in commit_flag(budgets=budgets, peak_memory_mb=None, measured_s=3600.0)


# Agreement


def test_a_blind_model_goes_back() -> None:
    assert rollback_reason(matched_boxes=0, new_only_boxes=0, old_only_boxes=400) == (
        "it agrees with the old model to 0.00 (F1 over 400 boxes on 600 frames); 0.6 is required"
    )


def test_a_model_that_sees_much_more_goes_back() -> None:
    assert rollback_reason(
        settings={"min_f1": 0.0}, matched_boxes=100, new_only_boxes=101, old_only_boxes=0
    ) == (
        "it detected 201 boxes where the old model detected 100; 0.5 to 2 times as many are allowed"
    )
    assert (
        judge_trial(
            settings={"min_f1": 0.0}, matched_boxes=100, new_only_boxes=100, old_only_boxes=0
        )
        == CommitVerdict()
    )


def test_a_model_that_finds_something_where_the_old_one_found_nothing() -> None:
    assert "old model detected 0" in rollback_reason(
        settings={"min_f1": 0.0}, matched_boxes=0, new_only_boxes=30, old_only_boxes=0
    )
    meant: dict[str, Any] = {"min_f1": 0.0, "detection_ratio": (0.0, 1000.0)}
    assert (
        judge_trial(settings=meant, matched_boxes=0, new_only_boxes=30, old_only_boxes=0)
        == CommitVerdict()
    )


def test_before_the_end_boxes_must_speak_clearly() -> None:
    assert isinstance(
        judge_trial(**early(matched_boxes=0, new_only_boxes=0, old_only_boxes=99)), ContinueVerdict
    )
    assert "agrees" in rollback_reason(
        **early(matched_boxes=0, new_only_boxes=0, old_only_boxes=100)
    )
    assert isinstance(
        judge_trial(
            **early(measured_s=14.0, matched_boxes=0, new_only_boxes=0, old_only_boxes=100)
        ),
        ContinueVerdict,
    ), "15 s at the least"


def test_too_few_boxes_extend_the_trial_and_then_it_is_kept_with_a_flag() -> None:
    few: dict[str, Any] = {"matched_boxes": 3, "new_only_boxes": 0, "old_only_boxes": 0}
    assert judge_trial(**few) == ContinueVerdict(0.15)
    assert judge_trial(**few, measured_s=1800.0) == ContinueVerdict(0.5)
    assert commit_flag(
        **few, measured_s=3600.0, captured_frames=72_000, inferred_frames=72_000
    ) == ("too little evidence for a comparison: 3 of 20 boxes")


def test_where_no_boxes_are_required_an_empty_scene_is_enough() -> None:
    assert (
        judge_trial(settings={"min_boxes": 0}, matched_boxes=0, new_only_boxes=0, old_only_boxes=0)
        == CommitVerdict()
    )


# What cannot be judged


def test_nothing_measured_counts_while_the_board_throttles() -> None:
    bad: dict[str, Any] = {
        "inferred_frames": 600,
        "frame_s_p95": 1.0,
        "matched_boxes": 0,
        "old_only_boxes": 400,
        "failed_frames": 300,
    }
    assert isinstance(judge_trial(**bad, throttled=True), ContinueVerdict)
    assert isinstance(judge_trial(**bad, throttled=False), RollbackVerdict)
    assert isinstance(judge_trial(throttled=True), ContinueVerdict), "nor is it kept"
    assert isinstance(judge_trial(throttled=True, worker_loss="killed"), RollbackVerdict)


def test_without_frames_it_is_kept_in_the_end_and_all_that_was_lacking_is_reported() -> None:
    assert judge_trial(evidence=Evidence(measured_s=1800.0)) == ContinueVerdict(0.5)
    words = commit_flag(evidence=Evidence(measured_s=3600.0))
    for lack in ("0 of 500 frames", "cameras gave no frames", "0 of 20 boxes", "times of 0 of 20"):
        assert lack in words


def test_without_anything_known_of_before_there_is_nothing_to_compare_with() -> None:
    words = commit_flag(baseline=Baseline(), shadow_s_p95=0.0, shadowed_frames=0, measured_s=3600.0)
    assert "frames per second before the trial" in words
    assert "old model's time per frame is not known" in words


def test_all_that_is_wrong_is_reported() -> None:
    assert rollback_reason(inferred_frames=1000, frame_s_p95=0.1, failed_frames=500).count(";") >= 4


# Whatever the evidence


def mostly(usual: T, other: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """So that enough is good for a model to be kept now and then."""
    return st.one_of([st.just(usual)] * 7 + [other])


seconds = st.floats(0, 0.2)
frames = st.integers(0, 7000)
boxes = st.integers(0, 60)
reasons = st.sampled_from(("NaN", "killed"))
evidences = st.builds(
    Evidence,
    worker_count=st.integers(1, 4),
    measured_s=st.floats(0, 600),
    throttled=mostly(usual=False, other=st.booleans()),
    captured_frames=mostly(6000, frames),
    inferred_frames=mostly(6000, frames),
    failed_frames=mostly(0, st.integers(0, 10)),
    timed_frames=mostly(6000, frames),
    frame_s_p95=mostly(0.03, seconds),
    invoke_s_p95=mostly(0.03, seconds),
    shadowed_frames=mostly(600, st.integers(0, 700)),
    shadow_s_p95=mostly(0.03, seconds),
    shadow_total_s=st.floats(0, 60),
    matched_boxes=mostly(60, boxes),
    new_only_boxes=mostly(5, boxes),
    old_only_boxes=mostly(5, boxes),
    peak_memory_mb=st.none() | st.floats(0, 100),
    model_failure=mostly(None, reasons),
    worker_loss=mostly(None, reasons),
)
baselines = st.builds(
    Baseline, fps=mostly(15.0, st.floats(0, 60)), frame_s_p95=mostly(0.03, seconds)
)
allowances = st.builds(
    Budgets,
    invoke_ms_p95=mostly(None, st.floats(1, 200)),
    memory_mb=mostly(None, st.floats(1, 200)),
)
trials = st.builds(
    Probation,
    min_s=st.floats(0, 200),
    min_frames=mostly(500, frames),
    max_s=st.floats(200, 500),
    min_boxes=mostly(20, boxes),
    max_error_rate=st.sampled_from((0.0, 0.001, 0.1)),
)


def violates_rules(
    settings: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence
) -> bool:
    """The rules again, put as one would say them, for evidence that is enough."""
    frames = evidence.inferred_frames + evidence.failed_frames
    new, old = (
        evidence.matched_boxes + evidence.new_only_boxes,
        evidence.matched_boxes + evidence.old_only_boxes,
    )
    slowest_s = max(baseline.frame_s_p95, evidence.shadow_s_p95)
    memory, invoke = budgets.memory_mb, budgets.invoke_ms_p95
    own_s = evidence.measured_s - evidence.shadow_total_s / evidence.worker_count
    wanted = 0.89 * baseline.fps
    return (
        bool(evidence.model_failure or evidence.worker_loss)
        or evidence.failed_frames > max(settings.max_error_rate * frames, 1)
        or (
            evidence.inferred_frames < 0.89 * evidence.captured_frames
            and own_s > 0
            and evidence.inferred_frames < wanted * own_s
        )
        or (memory is not None and (evidence.peak_memory_mb or 0) > memory)
        or (
            invoke is not None
            and evidence.timed_frames >= 20
            and evidence.invoke_s_p95 * 1000 > invoke
        )
        or (
            evidence.timed_frames >= 20
            and 0 < slowest_s < evidence.frame_s_p95 / settings.max_p95_ratio * 0.999
        )
        or (
            0 < evidence.total_boxes >= settings.min_boxes
            and 2 * evidence.matched_boxes < 0.599 * (new + old)
        )
        or (evidence.total_boxes >= settings.min_boxes and (new < old / 2 or new > 2 * max(old, 1)))
    )


@given(trials, allowances, baselines, evidences)
def test_what_breaks_a_rule_is_never_kept(
    settings: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence
) -> None:
    verdict = evaluate_trial(settings, budgets, baseline, evidence)
    if isinstance(verdict, CommitVerdict):
        assert not violates_rules(settings, budgets, baseline, evidence)
        assert not evidence.throttled
        assert evidence.measured_s >= settings.min_s
        assert verdict.flag_reason or evidence.inferred_frames >= settings.min_frames
        assert verdict.flag_reason or evidence.total_boxes >= settings.min_boxes
    if isinstance(verdict, RollbackVerdict):
        assert verdict.reason


@given(trials, allowances, baselines, evidences, evidences)
def test_progress_never_falls(
    settings: Probation, budgets: Budgets, baseline: Baseline, before: Evidence, more: Evidence
) -> None:
    after = replace(
        more,
        measured_s=before.measured_s + more.measured_s,
        inferred_frames=before.inferred_frames + more.inferred_frames,
        matched_boxes=before.matched_boxes + more.matched_boxes,
        new_only_boxes=before.new_only_boxes + more.new_only_boxes,
        old_only_boxes=before.old_only_boxes + more.old_only_boxes,
    )
    first = evaluate_trial(settings, budgets, baseline, before)
    then = evaluate_trial(settings, budgets, baseline, after)
    for verdict in (first, then):
        assert not isinstance(verdict, ContinueVerdict) or 0 <= verdict.progress < 1
    if isinstance(first, ContinueVerdict) and isinstance(then, ContinueVerdict):
        assert then.progress >= first.progress


def test_a_slower_model_does_not_hide_behind_the_slowest_frames_of_a_busy_machine() -> None:
    busy: dict[str, Any] = {"frame_s_p95": 0.066, "shadow_s_p95": 0.057}
    assert judge_trial(frame_s_p50=0.024, **busy) == CommitVerdict()
    assert rollback_reason(frame_s_p50=0.026, **busy) == (
        "the median of its time per frame is 26.0 ms; 25.0 ms are allowed (1.25 times the old model's 20.0 ms)"
    )
