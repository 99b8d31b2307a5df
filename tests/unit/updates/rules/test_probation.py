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
from edged.updates.rules.samples import Comparison, FrameWindow, PairedTimes

T = TypeVar("T")
MS = 1_000_000
BASELINE = Baseline(fps=20.0, frame_s=0.020, memory_mb=40.0)
SETTINGS = Probation()


def spread(median_ms: float, count: int) -> tuple[int, ...]:
    """So many times around a median, up to half as long again."""
    return tuple(int(median_ms * MS * (0.75 + 0.5 * k / (count - 1))) for k in range(count))


def pairs(new_ms: float, old_ms: float, count: int = 600) -> tuple[PairedTimes, ...]:
    """Times of both models on so many frames, which are independent of each other."""
    new, old = spread(new_ms, count), spread(old_ms, count)
    return tuple(PairedTimes(new[k], old[k * 7 % count]) for k in range(count))


def boxes(both: int, only_new: int, only_old: int, groups: int = 20) -> tuple[Comparison, ...]:
    """So many boxes, as equally as possible in so many parts of a trial."""

    def part(total: int, k: int) -> int:
        return total * (k + 1) // groups - total * k // groups

    return tuple(
        Comparison(part(both, k), part(only_new, k), part(only_old, k)) for k in range(groups)
    )


def windows(fps: float, captured_fps: float = 20.0, count: int = 200) -> tuple[FrameWindow, ...]:
    """The frames of so many parts of a trial, of ten seconds."""
    return (FrameWindow(10.0, 10.0, int(captured_fps * 10), int(fps * 10)),) * count


GOOD = Evidence(
    measured_s=300.0,
    captured_frames=6000,
    inferred_frames=6000,
    timed_frames=6000,
    frame_ns=spread(20, 1000),
    invoke_ns=spread(16, 1000),
    windows=windows(20.0),
    shadowed_frames=600,
    pairs=pairs(20, 20),
    comparisons=boxes(400, 10, 10),
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
        "windows": windows(20.0, count=20),
        "pairs": pairs(20, 20, 60),
        "comparisons": boxes(110, 1, 1),
    }
    return {**tenth, **changes}


def test_a_model_as_good_as_the_old_one_is_kept() -> None:
    assert judge_trial() == CommitVerdict()


def test_it_is_watched_until_its_time_and_its_frames_are_there() -> None:
    assert judge_trial(measured_s=299.0) == ContinueVerdict(0.99)
    assert judge_trial(**early()) == ContinueVerdict(0.1)
    few: dict[str, Any] = {"captured_frames": 499, "inferred_frames": 499, "measured_s": 300.0}
    assert judge_trial(**few) == ContinueVerdict(0.99)


# Frames a second


def test_fewer_frames_a_second_send_it_back() -> None:
    assert rollback_reason(windows=windows(17.7)) == (
        "it runs on 17.70 frames per second; 18.00 are required (0.9 of the 20.00 before)"
    )
    assert judge_trial(windows=windows(18.2)) == CommitVerdict()


def test_cameras_that_give_fewer_frames_are_not_its_fault() -> None:
    assert judge_trial(windows=windows(7.0, captured_fps=7.0)) == CommitVerdict()
    assert "frames per second" in rollback_reason(windows=windows(5.0, captured_fps=7.0))


def test_frames_that_were_left_out_before_too_are_not_its_fault() -> None:
    assert judge_trial(windows=windows(20.0, captured_fps=40.0)) == CommitVerdict()


def test_a_busy_spell_of_the_host_is_not_its_fault() -> None:
    """Most parts of the trial decide, so neither does a build that runs for a minute, nor one slow part among few."""
    spell = windows(20.0, count=120) + windows(3.0, count=80)
    assert judge_trial(windows=spell) == CommitVerdict()
    assert "frames per second" in rollback_reason(windows=spell[:60] + windows(3.0, count=140))


def test_frames_that_a_busy_host_takes_are_not_its_fault() -> None:
    """Measured beside 20 busy processes: the cameras' thread gets no processor either."""
    starved = (FrameWindow(40.0, 13.7, 280, 172),) * 60
    assert (
        judge_trial(baseline=Baseline(fps=15.0, frame_s=0.03), windows=starved) == CommitVerdict()
    )


def test_a_trial_too_short_for_a_rate_goes_on() -> None:
    assert judge_trial(windows=()) == ContinueVerdict(0.99)
    assert "not measured for long enough" in commit_flag(windows=(), measured_s=3600.0)
    assert judge_trial(windows=(), settings={"min_fps_ratio": 0.0}) == CommitVerdict()


def test_a_few_slow_parts_are_too_little_to_judge_and_the_trial_goes_on() -> None:
    assert judge_trial(windows=windows(3.0, count=9)) == ContinueVerdict(0.99)
    assert "often enough is unclear" in commit_flag(
        windows=windows(3.0, count=9), measured_s=3600.0
    )


def test_a_model_that_stands_still_goes_back_though_it_never_sees_enough_frames() -> None:
    slow = early(captured_frames=600, inferred_frames=30, windows=windows(1.0, count=20))
    assert "it runs on 1.00 frames per second" in rollback_reason(**slow)


# Times


def test_a_slower_model_goes_back() -> None:
    assert rollback_reason(pairs=pairs(30, 20)).startswith(
        "its time per frame is 30.0 ms where the old model takes 20.0 ms (medians of 1200 frames; 1.25 times as long is allowed)"
    )
    assert "its time per frame" in rollback_reason(**early(pairs=pairs(30, 20, 60)))


def test_a_byte_identical_model_on_a_busy_machine_is_kept() -> None:
    """The report: 2.7 ms where 2.4 ms were allowed. What remains of the noise is on both sides, and decides nothing."""
    noise = (
        PairedTimes(2_700_000, 1_900_000),
        PairedTimes(1_900_000, 2_800_000),
        PairedTimes(2_100_000, 2_000_000),
    )
    assert judge_trial(pairs=noise * 60) == CommitVerdict()
    assert judge_trial(pairs=pairs(2.2, 2.0, 200)) == CommitVerdict()


def test_a_time_beyond_the_limit_by_less_than_its_spread_is_watched_on() -> None:
    unclear = (PairedTimes(30 * MS, 20 * MS),) * 13 + (PairedTimes(20 * MS, 20 * MS),) * 12
    assert judge_trial(pairs=unclear, shadowed_frames=25) == ContinueVerdict(0.99)
    assert "too slow is unclear" in commit_flag(
        pairs=unclear, shadowed_frames=25, measured_s=3600.0
    )


def test_a_model_that_is_slow_on_some_frames_only_goes_back() -> None:
    slow = tuple(
        replace(pair, new_ns=4 * pair.new_ns) if k % 8 == 0 else pair
        for k, pair in enumerate(pairs(20, 20))
    )
    assert "75 of 600 pairs of frames took longer than" in rollback_reason(pairs=slow)


def test_slow_frames_among_few_make_the_trial_longer() -> None:
    """A percentile of so few means nothing, but eight of forty are no chance either."""
    few = tuple(PairedTimes((90 if k % 5 == 0 else 20) * MS, 20 * MS) for k in range(40))
    assert judge_trial(pairs=few, shadowed_frames=40) == ContinueVerdict(0.99)
    assert "slowest frames are too slow is unclear: 8 of 40 pairs" in commit_flag(
        pairs=few, shadowed_frames=40, measured_s=3600.0
    )


def test_a_few_pairs_are_no_median() -> None:
    few: dict[str, Any] = {"pairs": pairs(60, 20, 9), "shadowed_frames": 19}
    assert judge_trial(**few) == ContinueVerdict(0.99)
    assert "times of both models on 18 of 20 frames" in commit_flag(**few, measured_s=3600.0)


def test_without_a_shadow_most_frames_must_take_longer_than_the_limit_allows_for_before() -> None:
    alone: dict[str, Any] = {"shadowed_frames": 0, "pairs": ()}
    assert judge_trial(**alone, frame_ns=spread(24, 1000)) == CommitVerdict()
    assert rollback_reason(**alone, frame_ns=spread(30, 1000)) == (
        "the median of its time per frame is 30.0 ms; 25.0 ms are allowed (1.25 times the old model's before the trial)"
    )


def test_the_budget_of_an_invocation() -> None:
    assert judge_trial(budgets=Budgets(invoke_ms_p95=20.0)) == CommitVerdict()
    assert rollback_reason(budgets=Budgets(invoke_ms_p95=18.0)) == (
        "the 95th percentile of an invocation is 19.6 ms; its budget is 18 ms"
    )
    few = early(invoke_ns=spread(16, 25))
    assert isinstance(judge_trial(budgets=Budgets(invoke_ms_p95=19.5), **few), ContinueVerdict)


# Failures


@pytest.mark.parametrize(("failed", "kept"), [(0, True), (6, True), (600, False)])
def test_failed_frames(failed: int, *, kept: bool) -> None:
    assert isinstance(judge_trial(failed_frames=failed), CommitVerdict if kept else RollbackVerdict)


def test_failed_frames_are_reported_with_their_number() -> None:
    assert (
        rollback_reason(failed_frames=20)
        == "the model failed on 20 of 6020 frames; 0.10% are allowed"
    )


def test_some_more_failures_than_allowed_are_too_little_to_judge() -> None:
    assert judge_trial(failed_frames=10) == ContinueVerdict(0.99)
    assert commit_flag(failed_frames=10, measured_s=3600.0) == (
        "too little evidence for a comparison: 10 of only 6010 frames failed, and 0.10% are allowed"
    )
    assert "failed on 1 of 6001" in rollback_reason(
        settings={"max_error_rate": 0.0}, failed_frames=1
    )


def test_failures_are_judged_early_only_if_no_good_frame_could_make_up_for_them() -> None:
    tenth: dict[str, Any] = {"max_error_rate": 0.1, "min_fps_ratio": 0.0}
    assert isinstance(
        judge_trial(settings=tenth, **early(inferred_frames=100, failed_frames=50)), ContinueVerdict
    )
    assert "failed on 90 of 190" in rollback_reason(
        settings=tenth, **early(inferred_frames=100, failed_frames=90)
    )


def test_a_lost_worker_and_nonsense_send_it_back_at_once() -> None:
    assert rollback_reason(evidence=Evidence(worker_loss="killed by SIGSEGV")) == (
        "a worker was lost in the trial: killed by SIGSEGV"
    )
    assert "NaN among the scores" in rollback_reason(
        evidence=Evidence(model_failure="NaN among the scores")
    )


def test_memory_is_kept_within_its_budget_beside_what_the_worker_took_before() -> None:
    """The worker also holds the old model, and the cameras."""
    budgets = Budgets(memory_mb=19.5)
    assert rollback_reason(budgets=budgets) == (
        "its worker takes 60 MiB of memory, 20 MiB more than before; its budget is 19.5 MiB"
    )
    assert "memory" in rollback_reason(budgets=budgets, evidence=Evidence(peak_memory_mb=60.0)), (
        "at once"
    )
    assert judge_trial(budgets=Budgets(memory_mb=20.0)) == CommitVerdict()
    assert "memory" in commit_flag(budgets=budgets, peak_memory_mb=None, measured_s=3600.0)


# What is not the model's


@pytest.mark.parametrize("losses", [1, 2])
def test_a_loss_that_something_outside_the_model_explains_is_no_evidence(losses: int) -> None:
    assert judge_trial(outside_losses=("was killed by SIGKILL",) * losses) == CommitVerdict()


def test_too_many_such_losses_end_the_trial_but_are_not_its_fault() -> None:
    verdict = judge_trial(outside_losses=("was killed by SIGKILL",) * 3)
    assert verdict == RollbackVerdict(
        "workers were lost 3 times in the trial, not through the model: was killed by SIGKILL",
        is_model_fault=False,
    )
    assert judge_trial(outside_failure="no device") == RollbackVerdict(
        "the model could not be tried: no device", is_model_fault=False
    )


def test_an_accelerator_that_fails_is_not_its_fault() -> None:
    for uses_delegate in (True, False):
        verdict = judge_trial(failed_frames=600, uses_delegate=uses_delegate)
        assert isinstance(verdict, RollbackVerdict)
        assert verdict.is_model_fault is not uses_delegate
    both = judge_trial(failed_frames=600, uses_delegate=True, comparisons=boxes(0, 0, 400))
    assert isinstance(both, RollbackVerdict)
    assert both.is_model_fault, "it was also blind"


# Agreement


def test_a_blind_model_goes_back() -> None:
    assert rollback_reason(comparisons=boxes(0, 0, 400)) == (
        "it agrees with the old model to 0.00 (F1 over 400 boxes on 600 frames); 0.6 is required"
    )


def test_one_bad_spell_of_a_scene_is_too_little_to_judge() -> None:
    """Boxes of neighbouring frames are of the same objects: a spread between parts of the trial says how sure the number is."""
    spell = boxes(150, 0, 0, 15) + boxes(0, 150, 150, 5)
    assert judge_trial(comparisons=spell) == ContinueVerdict(0.99)
    assert "agrees with the old model is unclear: to 0.50" in commit_flag(
        comparisons=spell, measured_s=3600.0
    )


def test_a_model_that_sees_much_more_goes_back() -> None:
    assert rollback_reason(settings={"min_f1": 0.0}, comparisons=boxes(100, 200, 0)) == (
        "it detected 300 boxes where the old model detected 100; 0.5 to 2 times as many are allowed"
    )
    twice = boxes(100, 100, 0)
    assert judge_trial(settings={"min_f1": 0.0}, comparisons=twice) == CommitVerdict()


def test_a_model_that_finds_something_where_the_old_one_found_nothing() -> None:
    found = boxes(0, 30, 0)
    assert "old model detected 0" in rollback_reason(settings={"min_f1": 0.0}, comparisons=found)
    meant: dict[str, Any] = {"min_f1": 0.0, "detection_ratio": (0.0, 1000.0)}
    assert judge_trial(settings=meant, comparisons=found) == CommitVerdict()


def test_before_the_end_boxes_must_speak_clearly() -> None:
    late = {"measured_s": 61.0}
    assert isinstance(judge_trial(**early(comparisons=boxes(0, 0, 99), **late)), ContinueVerdict)
    assert "agrees" in rollback_reason(**early(comparisons=boxes(0, 0, 100), **late))
    assert isinstance(
        judge_trial(**early(measured_s=59.0, comparisons=boxes(0, 0, 100))), ContinueVerdict
    ), "60 s at the least"


def test_too_few_boxes_extend_the_trial_and_then_it_is_kept_with_a_flag() -> None:
    few: dict[str, Any] = {"comparisons": boxes(3, 0, 0)}
    assert judge_trial(**few) == ContinueVerdict(0.15)
    assert judge_trial(**few, measured_s=1800.0) == ContinueVerdict(0.5)
    assert commit_flag(**few, measured_s=3600.0) == (
        "too little evidence for a comparison: 3 of 20 boxes"
    )


def test_where_no_boxes_are_required_an_empty_scene_is_enough() -> None:
    assert judge_trial(settings={"min_boxes": 0}, comparisons=()) == CommitVerdict()


# What cannot be judged


def test_nothing_measured_counts_while_the_trial_is_suspended() -> None:
    bad: dict[str, Any] = {
        "windows": windows(2.0),
        "pairs": pairs(90, 20),
        "comparisons": boxes(0, 0, 400),
        "failed_frames": 300,
    }
    assert isinstance(judge_trial(**bad, suspended_reason="the disk is full"), ContinueVerdict)
    assert isinstance(judge_trial(**bad), RollbackVerdict)
    assert isinstance(judge_trial(suspended_reason="the disk is full"), ContinueVerdict), (
        "nor is it kept"
    )
    assert isinstance(judge_trial(suspended_reason="x", worker_loss="killed"), RollbackVerdict)


def test_without_frames_it_is_kept_in_the_end_and_all_that_was_lacking_is_reported() -> None:
    assert judge_trial(evidence=Evidence(measured_s=1800.0)) == ContinueVerdict(0.5)
    words = commit_flag(evidence=Evidence(measured_s=3600.0))
    for lack in ("0 of 500 frames", "cameras gave no frames", "0 of 20 boxes", "times of 0 of 10"):
        assert lack in words


def test_without_anything_known_of_before_there_is_nothing_to_compare_with() -> None:
    words = commit_flag(baseline=Baseline(), pairs=(), shadowed_frames=0, measured_s=3600.0)
    assert "frames per second before the trial" in words
    assert "old model's time per frame is not known" in words


def test_all_that_is_wrong_is_reported() -> None:
    assert (
        rollback_reason(
            windows=windows(2.0),
            pairs=pairs(90, 20),
            comparisons=boxes(0, 0, 400),
            failed_frames=500,
        ).count("; ")
        >= 4
    )


# Whatever the evidence


def mostly(usual: T, other: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """So that enough is good for a model to be kept now and then."""
    return st.one_of([st.just(usual)] * 7 + [other])


frames = st.integers(0, 7000)
counts = st.integers(0, 60)
reasons = st.sampled_from(("NaN", "killed"))
evidences = st.builds(
    Evidence,
    measured_s=st.floats(0, 600),
    suspended_reason=mostly(None, st.just("the disk is full")),
    captured_frames=mostly(6000, frames),
    inferred_frames=mostly(6000, frames),
    failed_frames=mostly(0, st.integers(0, 10)),
    timed_frames=mostly(6000, frames),
    frame_ns=st.just(spread(20, 100)),
    invoke_ns=st.just(spread(16, 100)),
    windows=mostly(windows(20.0), st.builds(windows, st.floats(0, 30), count=st.integers(0, 40))),
    shadowed_frames=mostly(600, st.integers(0, 700)),
    pairs=mostly(
        pairs(20, 20, 60), st.builds(pairs, st.floats(1, 90), st.floats(1, 90), st.just(60))
    ),
    comparisons=mostly(boxes(60, 5, 5), st.builds(boxes, counts, counts, counts)),
    peak_memory_mb=st.none() | st.floats(0, 100),
    model_failure=mostly(None, reasons),
    worker_loss=mostly(None, reasons),
)
baselines = st.builds(
    Baseline, fps=mostly(20.0, st.floats(0, 60)), frame_s=mostly(0.03, st.floats(0, 0.2))
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
    min_boxes=mostly(20, counts),
    max_error_rate=st.sampled_from((0.0, 0.001, 0.1)),
)


@given(trials, allowances, baselines, evidences)
def test_what_is_beyond_a_limit_is_never_kept_without_a_flag(
    settings: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence
) -> None:
    verdict = evaluate_trial(settings, budgets, baseline, evidence)
    if isinstance(verdict, CommitVerdict):
        assert evidence.model_failure is None
        assert evidence.worker_loss is None
        assert evidence.suspended_reason is None
        assert evidence.measured_s >= settings.min_s
        assert verdict.flag_reason or not is_beyond_a_limit(settings, baseline, evidence)
    if isinstance(verdict, RollbackVerdict):
        assert verdict.reason


def is_beyond_a_limit(settings: Probation, baseline: Baseline, evidence: Evidence) -> bool:
    """The limits, put as one would say them: by however little the evidence is beyond them."""
    seen, total = evidence.boxes, evidence.inferred_frames + evidence.failed_frames
    slow = sum(pair.new_ns > settings.max_p95_ratio * pair.old_ns for pair in evidence.pairs)
    rare = sum(
        max(one.inferred / one.own_s, baseline.fps * one.inferred / one.captured)
        < settings.min_fps_ratio * baseline.fps
        for one in evidence.windows
    )
    return (
        evidence.failed_frames > settings.max_error_rate * total
        or evidence.inferred_frames < settings.min_frames
        or seen.total < settings.min_boxes
        or slow > len(evidence.pairs) / 2
        or rare > len(evidence.windows) / 2
        or 2 * seen.both < settings.min_f1 * (seen.new + seen.old)
        or not seen.old / 2 <= seen.new <= 2 * max(seen.old, 1)
    )


@given(trials, allowances, baselines, evidences, evidences)
def test_progress_never_falls(
    settings: Probation, budgets: Budgets, baseline: Baseline, before: Evidence, more: Evidence
) -> None:
    after = replace(
        more,
        measured_s=before.measured_s + more.measured_s,
        inferred_frames=before.inferred_frames + more.inferred_frames,
        comparisons=before.comparisons + more.comparisons,
    )
    first = evaluate_trial(settings, budgets, baseline, before)
    then = evaluate_trial(settings, budgets, baseline, after)
    for verdict in (first, then):
        assert not isinstance(verdict, ContinueVerdict) or 0 <= verdict.progress < 1
    if isinstance(first, ContinueVerdict) and isinstance(then, ContinueVerdict):
        assert then.progress >= first.progress
