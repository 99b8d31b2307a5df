"""Whether a model on trial is kept. Pure: from the evidence so far to a verdict, each time anew.

The trial is over when it has lasted `Probation.min_s` and seen `Probation.min_frames`, and when every rule had enough to judge by.
Where one had not, the trial goes on, until `Probation.most_s` at the latest; then the model is kept, and the commit says what was
lacking. A rule that is broken ends the trial before its time as soon as that is clear.

While the board throttles nothing is measured, and no trial ends, except by what no throttling excuses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.evidence import Evidence

MIN_EARLY_S = 15.0
"""Nothing that was measured ends a trial sooner, unless it is shorter."""
MIN_EARLY_FRAMES = 100
"""Nor does it with fewer frames."""
EARLY_BOXES_FACTOR = 5
"""Nor do boxes, with fewer than so many times those that are enough in the end: one thing that stands there is many boxes."""
MIN_TIMED_FRAMES = 20
"""A 95th percentile of fewer says nothing."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """How it was before the trial; what is not known is 0.

    Attributes:
        fps: frames a second that the old model saw, over all cameras.
        frame_s_p95: 95th percentile of a frame's time in the old model: encode, invoke and decode.
    """

    fps: float = 0.0
    frame_s_p95: float = 0.0


@dataclass(frozen=True, slots=True)
class ContinueVerdict:
    """The trial goes on. `progress`, 0..1, never falls."""

    progress: float


@dataclass(frozen=True, slots=True)
class CommitVerdict:
    """The model has proved itself. `flag_reason` says what was lacking; "" if nothing was."""

    flag_reason: str = ""


@dataclass(frozen=True, slots=True)
class RollbackVerdict:
    """The model must go; `reason` says why, with the numbers."""

    reason: str


TrialVerdict = ContinueVerdict | CommitVerdict | RollbackVerdict


@dataclass(frozen=True, slots=True)
class _InsufficientEvidence:
    """A rule cannot say yet: what it lacks."""

    reason: str


_RuleResult = RollbackVerdict | _InsufficientEvidence | None


@dataclass(frozen=True, slots=True)
class _RuleInput:
    """What the rules go by. `is_early`: the trial is not over yet, and only what is clear counts."""

    probation: Probation
    budgets: Budgets
    baseline: Baseline
    evidence: Evidence
    is_early: bool


def evaluate_trial(
    probation: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence
) -> TrialVerdict:
    """Keep it, go back, or go on watching.

    Args:
        probation: what the manifest wants of the trial.
        budgets: what the manifest allows the model.
        baseline: how it was before.
        evidence: what the trial has shown.
    """
    if evidence.model_failure:
        return RollbackVerdict(f"it is of no use: {evidence.model_failure}")
    if evidence.worker_loss:
        return RollbackVerdict(f"a worker was lost in the trial: {evidence.worker_loss}")
    progress = ContinueVerdict(_progress(probation, evidence))
    if evidence.throttled:
        return progress
    over = (
        evidence.measured_s >= probation.min_s and evidence.inferred_frames >= probation.min_frames
    )
    late = evidence.measured_s >= probation.max_s
    case = _RuleInput(probation, budgets, baseline, evidence, is_early=not (over or late))
    findings = [rule(case) for rule in _RULES]
    broken = [finding for finding in findings if isinstance(finding, RollbackVerdict)]
    if broken:
        return RollbackVerdict("; ".join(back.reason for back in broken))
    lacks = [finding.reason for finding in findings if isinstance(finding, _InsufficientEvidence)]
    if late:
        lacks = [*_iter_missing_frames(case), *lacks]
        return CommitVerdict(f"too little was seen to compare: {'; '.join(lacks)}" if lacks else "")
    return CommitVerdict() if over and not lacks else progress


def _progress(probation: Probation, evidence: Evidence) -> float:
    """How much of what a trial needs is there; what lasts until the very end is never all."""
    needs = (
        _fraction(evidence.measured_s, probation.min_s),
        _fraction(evidence.inferred_frames, probation.min_frames),
        _fraction(evidence.total_boxes, probation.min_boxes),
    )
    return min(max(min(needs), _fraction(evidence.measured_s, probation.max_s)), 0.99)


def _fraction(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 1.0


def _iter_missing_frames(rule_input: _RuleInput) -> Iterator[str]:
    seen, wanted = rule_input.evidence.inferred_frames, rule_input.probation.min_frames
    if seen < wanted:
        yield f"{seen} of {wanted} frames"


def _is_measurable(rule_input: _RuleInput, count: int) -> bool:
    """Whether so many frames, in the time that has passed, say something already."""
    least_s = min(MIN_EARLY_S, rule_input.probation.min_s)
    return not rule_input.is_early or (
        count >= MIN_EARLY_FRAMES and rule_input.evidence.measured_s >= least_s
    )


def _check_fps(rule_input: _RuleInput) -> _RuleResult:
    """Frames a second, in the time that the shadow left; or the share of the frames that came, where the cameras became slower."""
    seen, before = rule_input.evidence, rule_input.baseline.fps
    if not seen.captured_frames:
        return _InsufficientEvidence("the cameras gave no frames")
    if not before:
        return _InsufficientEvidence("how many frames a second there were before is not known")
    if not _is_measurable(rule_input, seen.captured_frames):
        return None
    own_s = seen.measured_s - seen.shadow_total_s / seen.worker_count
    a_second = seen.inferred_frames / own_s if own_s > 0 else 0.0
    now = max(a_second, before * seen.inferred_frames / seen.captured_frames)
    least = rule_input.probation.min_fps_ratio * before
    if now >= least:
        return None
    return RollbackVerdict(
        f"it sees {now:.2f} frames a second; {least:.2f} are wanted"
        f" ({rule_input.probation.min_fps_ratio:g} of the {before:.2f} before)"
    )


def _check_frame_time(rule_input: _RuleInput) -> _RuleResult:
    """The machine itself may have become slower since the baseline: the shadow would show it."""
    seen = rule_input.evidence
    shadow_s = seen.shadow_s_p95 if seen.shadowed_frames >= MIN_TIMED_FRAMES else 0.0
    before_s = max(rule_input.baseline.frame_s_p95, shadow_s)
    if not before_s:
        return _InsufficientEvidence("how long the old model takes for a frame is not known")
    if seen.timed_frames < MIN_TIMED_FRAMES:
        return _InsufficientEvidence(
            f"the times of {seen.timed_frames} of {MIN_TIMED_FRAMES} frames"
        )
    if not _is_measurable(rule_input, seen.timed_frames) or (rule_input.is_early and not shadow_s):
        return None
    most_s = rule_input.probation.max_p95_ratio * before_s
    if seen.frame_s_p95 <= most_s:
        return None
    return RollbackVerdict(
        f"95 of 100 frames take it up to {seen.frame_s_p95 * 1000:.1f} ms; {most_s * 1000:.1f} ms are allowed"
        f" ({rule_input.probation.max_p95_ratio:g} times the old model's {before_s * 1000:.1f} ms)"
    )


def _check_median_frame_time(rule_input: _RuleInput) -> _RuleResult:
    """The medians, on frames that both saw in the same time: a busy machine hides a slower model in the slowest frames, and not there."""
    seen = rule_input.evidence
    if (
        seen.shadowed_frames < MIN_TIMED_FRAMES
        or seen.timed_frames < MIN_TIMED_FRAMES
        or not seen.shadow_s_p50
    ):
        return None  # `_frame_time` says what is lacking
    most_s = rule_input.probation.max_p95_ratio * seen.shadow_s_p50
    if not _is_measurable(rule_input, seen.timed_frames) or seen.frame_s_p50 <= most_s:
        return None
    return RollbackVerdict(
        f"half of the frames take it {seen.frame_s_p50 * 1000:.1f} ms or more; {most_s * 1000:.1f} ms are allowed"
        f" ({rule_input.probation.max_p95_ratio:g} times the old model's {seen.shadow_s_p50 * 1000:.1f} ms)"
    )


def _check_invoke_time(rule_input: _RuleInput) -> _RuleResult:
    most_ms, seen = rule_input.budgets.invoke_ms_p95, rule_input.evidence
    if most_ms is None:
        return None
    if seen.timed_frames < MIN_TIMED_FRAMES:
        return _InsufficientEvidence(
            f"the times of {seen.timed_frames} of {MIN_TIMED_FRAMES} frames"
        )
    if not _is_measurable(rule_input, seen.timed_frames) or seen.invoke_s_p95 * 1000 <= most_ms:
        return None
    return RollbackVerdict(
        f"95 of 100 invocations take up to {seen.invoke_s_p95 * 1000:.1f} ms; its budget is {most_ms:g} ms"
    )


def _check_error_rate(rule_input: _RuleInput) -> _RuleResult:
    """Too many are too many even if all frames that are still to come are good. One is no share of a few frames."""
    failed, most = rule_input.evidence.failed_frames, rule_input.probation.max_error_rate
    frames = rule_input.evidence.inferred_frames + failed
    enough = max(frames, rule_input.probation.min_frames) if rule_input.is_early else frames
    if failed > max(most * enough, 1 if most else 0):
        return RollbackVerdict(f"it failed on {failed} of {frames} frames; {most:.2%} are allowed")
    if failed > most * frames:
        return _InsufficientEvidence(f"{failed} of only {frames} frames failed, and {most:.2%} may")
    return None


def _check_memory(rule_input: _RuleInput) -> _RuleResult:
    most_mb, seen_mb = rule_input.budgets.memory_mb, rule_input.evidence.peak_memory_mb
    if most_mb is None:
        return None
    if seen_mb is None:
        return _InsufficientEvidence("how much memory it takes is not known")
    if seen_mb <= most_mb:
        return None
    return RollbackVerdict(f"it takes {seen_mb:.0f} MiB of memory; its budget is {most_mb:g} MiB")


def _check_agreement(rule_input: _RuleInput) -> _RuleResult:
    """F1 of the new model's boxes, with the old model's as the truth, and how many there are of each."""
    seen, settings = rule_input.evidence, rule_input.probation
    if seen.total_boxes < settings.min_boxes:
        return _InsufficientEvidence(f"{seen.total_boxes} of {settings.min_boxes} boxes")
    clear = seen.total_boxes >= EARLY_BOXES_FACTOR * settings.min_boxes and _is_measurable(
        rule_input, seen.inferred_frames
    )
    if not seen.total_boxes or (rule_input.is_early and not clear):
        return None
    new, old = seen.matched_boxes + seen.new_only_boxes, seen.matched_boxes + seen.old_only_boxes
    f1 = 2 * seen.matched_boxes / (new + old)
    if f1 < settings.min_f1:
        return RollbackVerdict(
            f"it agrees with the old model to {f1:.2f} (F1 over {seen.total_boxes} boxes of {seen.shadowed_frames} frames);"
            f" {settings.min_f1:g} is wanted"
        )
    least, most = settings.detection_ratio
    if least * old <= new <= most * max(old, 1):
        return None
    return RollbackVerdict(
        f"it found {new} boxes where the old model found {old};"
        f" {least:g} to {most:g} times as many are allowed"
    )


_RULES: tuple[Callable[[_RuleInput], _RuleResult], ...] = (
    _check_error_rate,
    _check_memory,
    _check_invoke_time,
    _check_frame_time,
    _check_median_frame_time,
    _check_fps,
    _check_agreement,
)
