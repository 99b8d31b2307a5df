"""A model on trial is kept, goes back, or is watched on; each reason has its numbers in it."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.evidence import Evidence
from edged.updates.rules.probation import Back, Baseline, Going, Keep, Verdict, judge

T = TypeVar("T")
BASELINE = Baseline(fps=20.0, frame_s_p95=0.030)
SETTINGS = Probation()
GOOD = Evidence(
    judged_s=300.0,
    captured=6000,
    inferred=6000,
    timed=6000,
    frame_s_p50=0.020,
    frame_s_p95=0.030,
    invoke_s_p95=0.025,
    shadowed=600,
    shadow_s_p50=0.020,
    shadow_s_p95=0.031,
    shadow_s=18.0,
    both=400,
    only_new=10,
    only_old=10,
    memory_mb=60.0,
)


def verdict(
    evidence: Evidence = GOOD,
    *,
    baseline: Baseline = BASELINE,
    budgets: Budgets | None = None,
    settings: dict[str, Any] | None = None,
    **changes: Any,
) -> Verdict:
    return judge(
        msgspec.structs.replace(SETTINGS, **(settings or {})),
        budgets or Budgets(),
        baseline,
        replace(evidence, **changes),
    )


def reason(**changes: Any) -> str:
    back = verdict(**changes)
    assert isinstance(back, Back), back
    return back.reason


def flag(**changes: Any) -> str:
    keep = verdict(**changes)
    assert isinstance(keep, Keep), keep
    return keep.flag


def early(**changes: Any) -> dict[str, Any]:
    """A tenth of a good trial: no rule has reason to be in doubt."""
    tenth: dict[str, Any] = {
        "judged_s": 30.0,
        "captured": 600,
        "inferred": 600,
        "timed": 600,
        "shadowed": 60,
    }
    return {**tenth, "shadow_s": 1.8, "both": 110, "only_new": 1, "only_old": 1, **changes}


def test_a_model_as_good_as_the_old_one_is_kept() -> None:
    assert verdict() == Keep()


def test_it_is_watched_until_its_time_and_its_frames_are_there() -> None:
    assert verdict(judged_s=299.0) == Going(0.99)
    assert verdict(**early()) == Going(0.1)
    few: dict[str, Any] = {"captured": 499, "inferred": 499, "judged_s": 300.0}
    assert verdict(settings={"least_fps_ratio": 0.0}, **few) == Going(0.99)


# Frames a second


def test_fewer_frames_a_second_send_it_back() -> None:
    assert reason(inferred=5000) == (
        "it sees 17.73 frames a second; 18.00 are wanted (0.9 of the 20.00 before)"
    )
    assert verdict(inferred=5500) == Keep()


def test_cameras_that_give_fewer_frames_are_not_its_fault() -> None:
    assert verdict(captured=2000, inferred=2000, timed=2000) == Keep()
    assert "frames a second" in reason(captured=2000, inferred=1500)


def test_frames_that_were_left_out_before_too_are_not_its_fault() -> None:
    assert verdict(captured=12_000, inferred=6000) == Keep()


def test_the_time_that_the_shadow_takes_is_not_its_fault() -> None:
    """A worker that has no time to spare sees a tenth less while it shows one frame in ten to both."""
    busy: dict[str, Any] = {"captured": 9000, "inferred": 5455, "shadow_s": 27.3, "judged_s": 300.0}
    assert verdict(**busy, settings={"least_fps_ratio": 0.99}) == Keep()
    assert "frames a second" in reason(
        **{**busy, "workers": 2}, settings={"least_fps_ratio": 0.99}
    ), "two workers had twice the time"


def test_a_model_that_stands_still_goes_back_though_it_never_sees_enough_frames() -> None:
    slow: dict[str, Any] = early(captured=600, inferred=30, timed=30)
    assert "it sees 1.06 frames a second" in reason(**slow)


def test_frames_a_second_are_not_judged_after_a_few() -> None:
    assert isinstance(verdict(**early(judged_s=14.0, captured=300, inferred=30)), Going)
    assert isinstance(verdict(**early(captured=99, inferred=9)), Going)


def test_a_short_trial_is_judged_in_its_own_time() -> None:
    short = {"min_s": 5.0, "min_frames": 100_000}
    assert "frames a second" in reason(
        settings=short, **early(judged_s=6.0, captured=120, inferred=12)
    )


# Times


def test_a_slower_model_goes_back() -> None:
    assert reason(frame_s_p95=0.040) == (
        "95 of 100 frames take it up to 40.0 ms; 38.8 ms are allowed (1.25 times the old model's 31.0 ms)"
    )
    assert "allowed" in reason(**early(frame_s_p95=0.040))


def test_a_machine_that_became_slower_is_not_its_fault() -> None:
    assert verdict(frame_s_p95=0.060, shadow_s_p95=0.050) == Keep()
    assert "60.0 ms" in reason(frame_s_p95=0.060, shadow_s_p95=0.010)


def test_a_few_shadow_frames_say_nothing_of_the_machine() -> None:
    assert "37.5 ms" in reason(frame_s_p95=0.060, shadow_s_p95=0.050, shadowed=19)
    assert isinstance(verdict(**early(frame_s_p95=0.060, shadowed=19)), Going)


def test_without_a_baseline_the_shadow_is_one() -> None:
    assert verdict(baseline=Baseline(fps=20.0)) == Keep()
    assert "old model's 31.0 ms" in reason(baseline=Baseline(fps=20.0), frame_s_p95=0.1)


def test_the_budget_of_an_invocation() -> None:
    assert verdict(budgets=Budgets(invoke_ms_p95=25.0)) == Keep()
    assert reason(budgets=Budgets(invoke_ms_p95=20.0)) == (
        "95 of 100 invocations take up to 25.0 ms; its budget is 20 ms"
    )
    assert isinstance(verdict(budgets=Budgets(invoke_ms_p95=20.0), **early(timed=99)), Going)


# Failures


@pytest.mark.parametrize(("failed", "kept"), [(0, True), (6, True), (7, False), (600, False)])
def test_failed_frames(failed: int, *, kept: bool) -> None:
    assert isinstance(verdict(failed=failed), Keep if kept else Back)


def test_failed_frames_are_said_with_their_number() -> None:
    assert reason(failed=7) == "it failed on 7 of 6007 frames; 0.10% are allowed"


def test_one_failure_is_no_share_of_a_few_frames() -> None:
    few: dict[str, Any] = {"captured": 600, "inferred": 600, "failed": 1, "judged_s": 300.0}
    wide: dict[str, Any] = {"least_fps_ratio": 0.0}
    assert verdict(settings=wide, **few) == Going(0.99)
    assert verdict(settings=wide, **{**few, "inferred": 999}) == Keep()
    assert flag(settings=wide, **{**few, "judged_s": 3600.0}) == (
        "too little was seen to compare: 1 of only 601 frames failed, and 0.10% may"
    )
    assert "failed on 1 of 601" in reason(settings={**wide, "most_error_share": 0.0}, **few)


def test_failures_are_judged_early_only_if_no_good_frame_could_make_up_for_them() -> None:
    tenth: dict[str, Any] = {"most_error_share": 0.1, "least_fps_ratio": 0.0}
    assert isinstance(verdict(settings=tenth, **early(inferred=100, failed=50)), Going)
    assert "failed on 51 of 151" in reason(settings=tenth, **early(inferred=100, failed=51))


def test_a_lost_worker_and_nonsense_send_it_back_at_once() -> None:
    assert reason(evidence=Evidence(lost="killed by SIGSEGV")) == (
        "a worker was lost in the trial: killed by SIGSEGV"
    )
    assert "NaN among the scores" in reason(evidence=Evidence(faltered="NaN among the scores"))


def test_memory_is_kept_within_its_budget() -> None:
    budgets = Budgets(memory_mb=59.5)
    assert reason(budgets=budgets) == "it takes 60 MiB of memory; its budget is 59.5 MiB"
    assert "memory" in reason(budgets=budgets, evidence=Evidence(memory_mb=60.0)), "at once"
    assert verdict(budgets=Budgets(memory_mb=60.0)) == Keep()
    assert "memory" in flag(budgets=budgets, memory_mb=None, judged_s=3600.0)


# Agreement


def test_a_blind_model_goes_back() -> None:
    assert reason(both=0, only_new=0, only_old=400) == (
        "it agrees with the old model to 0.00 (F1 over 400 boxes of 600 frames); 0.6 is wanted"
    )


def test_a_model_that_sees_much_more_goes_back() -> None:
    assert reason(settings={"least_f1": 0.0}, both=100, only_new=101, only_old=0) == (
        "it found 201 boxes where the old model found 100; 0.5 to 2 times as many are allowed"
    )
    assert verdict(settings={"least_f1": 0.0}, both=100, only_new=100, only_old=0) == Keep()


def test_a_model_that_finds_something_where_the_old_one_found_nothing() -> None:
    assert "old model found 0" in reason(
        settings={"least_f1": 0.0}, both=0, only_new=30, only_old=0
    )
    meant: dict[str, Any] = {"least_f1": 0.0, "detection_ratio": (0.0, 1000.0)}
    assert verdict(settings=meant, both=0, only_new=30, only_old=0) == Keep()


def test_before_the_end_boxes_must_speak_clearly() -> None:
    assert isinstance(verdict(**early(both=0, only_new=0, only_old=99)), Going)
    assert "agrees" in reason(**early(both=0, only_new=0, only_old=100))
    assert isinstance(verdict(**early(judged_s=14.0, both=0, only_new=0, only_old=100)), Going), (
        "15 s at the least"
    )


def test_too_few_boxes_extend_the_trial_and_then_it_is_kept_with_a_flag() -> None:
    few: dict[str, Any] = {"both": 3, "only_new": 0, "only_old": 0}
    assert verdict(**few) == Going(0.15)
    assert verdict(**few, judged_s=1800.0) == Going(0.5)
    assert flag(**few, judged_s=3600.0, captured=72_000, inferred=72_000) == (
        "too little was seen to compare: 3 of 20 boxes"
    )


def test_where_no_boxes_are_asked_for_an_empty_scene_is_enough() -> None:
    assert verdict(settings={"least_boxes": 0}, both=0, only_new=0, only_old=0) == Keep()


# What cannot be judged


def test_nothing_measured_counts_while_the_board_throttles() -> None:
    bad: dict[str, Any] = {
        "inferred": 600,
        "frame_s_p95": 1.0,
        "both": 0,
        "only_old": 400,
        "failed": 300,
    }
    assert isinstance(verdict(**bad, throttled=True), Going)
    assert isinstance(verdict(**bad, throttled=False), Back)
    assert isinstance(verdict(throttled=True), Going), "nor is it kept"
    assert isinstance(verdict(throttled=True, lost="killed"), Back)


def test_without_frames_it_is_kept_in_the_end_and_all_that_was_lacking_is_said() -> None:
    assert verdict(evidence=Evidence(judged_s=1800.0)) == Going(0.5)
    words = flag(evidence=Evidence(judged_s=3600.0))
    for lack in ("0 of 500 frames", "cameras gave no frames", "0 of 20 boxes", "times of 0 of 20"):
        assert lack in words


def test_without_anything_known_of_before_there_is_nothing_to_compare_with() -> None:
    words = flag(baseline=Baseline(), shadow_s_p95=0.0, shadowed=0, judged_s=3600.0)
    assert "frames a second there were before" in words
    assert "old model takes" in words


def test_all_that_is_wrong_is_said() -> None:
    assert reason(inferred=1000, frame_s_p95=0.1, failed=500).count(";") >= 4


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
    workers=st.integers(1, 4),
    judged_s=st.floats(0, 600),
    throttled=mostly(usual=False, other=st.booleans()),
    captured=mostly(6000, frames),
    inferred=mostly(6000, frames),
    failed=mostly(0, st.integers(0, 10)),
    timed=mostly(6000, frames),
    frame_s_p95=mostly(0.03, seconds),
    invoke_s_p95=mostly(0.03, seconds),
    shadowed=mostly(600, st.integers(0, 700)),
    shadow_s_p95=mostly(0.03, seconds),
    shadow_s=st.floats(0, 60),
    both=mostly(60, boxes),
    only_new=mostly(5, boxes),
    only_old=mostly(5, boxes),
    memory_mb=st.none() | st.floats(0, 100),
    faltered=mostly("", reasons),
    lost=mostly("", reasons),
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
    most_s=st.floats(200, 500),
    least_boxes=mostly(20, boxes),
    most_error_share=st.sampled_from((0.0, 0.001, 0.1)),
)


def plainly_broken(settings: Probation, budgets: Budgets, was: Baseline, seen: Evidence) -> bool:
    """The rules again, put as one would say them, for evidence that is enough."""
    frames = seen.inferred + seen.failed
    new, old = seen.both + seen.only_new, seen.both + seen.only_old
    slowest_s = max(was.frame_s_p95, seen.shadow_s_p95)
    memory, invoke = budgets.memory_mb, budgets.invoke_ms_p95
    own_s = seen.judged_s - seen.shadow_s / seen.workers
    wanted = 0.89 * was.fps
    return (
        bool(seen.faltered or seen.lost)
        or seen.failed > max(settings.most_error_share * frames, 1)
        or (seen.inferred < 0.89 * seen.captured and own_s > 0 and seen.inferred < wanted * own_s)
        or (memory is not None and (seen.memory_mb or 0) > memory)
        or (invoke is not None and seen.timed >= 20 and seen.invoke_s_p95 * 1000 > invoke)
        or (seen.timed >= 20 and 0 < slowest_s < seen.frame_s_p95 / settings.most_p95_ratio * 0.999)
        or (0 < seen.boxes >= settings.least_boxes and 2 * seen.both < 0.599 * (new + old))
        or (seen.boxes >= settings.least_boxes and (new < old / 2 or new > 2 * max(old, 1)))
    )


@given(trials, allowances, baselines, evidences)
def test_what_breaks_a_rule_is_never_kept(
    settings: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence
) -> None:
    said = judge(settings, budgets, baseline, evidence)
    if isinstance(said, Keep):
        assert not plainly_broken(settings, budgets, baseline, evidence)
        assert not evidence.throttled
        assert evidence.judged_s >= settings.min_s
        assert said.flag or evidence.inferred >= settings.min_frames
        assert said.flag or evidence.boxes >= settings.least_boxes
    if isinstance(said, Back):
        assert said.reason


@given(trials, allowances, baselines, evidences, evidences)
def test_progress_never_falls(
    settings: Probation, budgets: Budgets, baseline: Baseline, before: Evidence, more: Evidence
) -> None:
    after = replace(
        more,
        judged_s=before.judged_s + more.judged_s,
        inferred=before.inferred + more.inferred,
        both=before.both + more.both,
        only_new=before.only_new + more.only_new,
        only_old=before.only_old + more.only_old,
    )
    first = judge(settings, budgets, baseline, before)
    then = judge(settings, budgets, baseline, after)
    for said in (first, then):
        assert not isinstance(said, Going) or 0 <= said.progress < 1
    if isinstance(first, Going) and isinstance(then, Going):
        assert then.progress >= first.progress


def test_a_slower_model_does_not_hide_behind_the_slowest_frames_of_a_busy_machine() -> None:
    busy: dict[str, Any] = {"frame_s_p95": 0.066, "shadow_s_p95": 0.057}
    assert verdict(frame_s_p50=0.024, **busy) == Keep()
    assert reason(frame_s_p50=0.026, **busy) == (
        "half of the frames take it 26.0 ms or more; 25.0 ms are allowed (1.25 times the old model's 20.0 ms)"
    )
