"""The rules that a model must keep in its trial, one function each. Pure.

To add a rule, write a function from `RuleInput` to `RuleResult`, and list it in `TRIAL_RULES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.evidence import Evidence

MIN_EARLY_S = 15.0
"""No measurement ends a trial before this time, unless the trial is shorter."""
MIN_EARLY_FRAMES = 100
"""No measurement over fewer frames than this ends a trial early."""
EARLY_BOXES_FACTOR = 5
"""No comparison of fewer boxes than this multiple of `Probation.min_boxes` ends a trial early: one object that does not move gives many boxes."""
MIN_TIMED_FRAMES = 20
"""A 95th percentile of fewer durations means nothing."""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """The model broke a rule; `reason` says which, with the numbers."""

    reason: str


@dataclass(frozen=True, slots=True)
class InsufficientEvidence:
    """A rule cannot be judged yet; `reason` says what is missing."""

    reason: str


RuleResult = BrokenRule | InsufficientEvidence | None
"""None: the rule is kept, or it is too early to judge."""


@dataclass(frozen=True, slots=True)
class RuleInput:
    """The input of a rule.

    Attributes:
        probation: what the manifest requires of the trial.
        budgets: what the manifest allows the model.
        baseline: how the old model performed before.
        evidence: what the trial has shown.
        is_early: the trial is not over yet, and only a clear result counts.
    """

    probation: Probation
    budgets: Budgets
    baseline: Baseline
    evidence: Evidence
    is_early: bool


def _is_measurable(rule_input: RuleInput, count: int) -> bool:
    """Return whether a measurement over `count` frames counts already."""
    min_s = min(MIN_EARLY_S, rule_input.probation.min_s)
    return not rule_input.is_early or (
        count >= MIN_EARLY_FRAMES and rule_input.evidence.measured_s >= min_s
    )


def _check_error_rate(rule_input: RuleInput) -> RuleResult:
    """Compare the share of failed frames; early, only failures count for which no number of good frames could compensate."""
    failed, allowed = rule_input.evidence.failed_frames, rule_input.probation.max_error_rate
    frames = rule_input.evidence.inferred_frames + failed
    expected = max(frames, rule_input.probation.min_frames) if rule_input.is_early else frames
    if failed > max(allowed * expected, 1 if allowed else 0):
        return BrokenRule(
            f"the model failed on {failed} of {frames} frames; {allowed:.2%} are allowed"
        )
    if failed > allowed * frames:
        return InsufficientEvidence(
            f"{failed} of only {frames} frames failed, and {allowed:.2%} are allowed"
        )
    return None


def _check_memory(rule_input: RuleInput) -> RuleResult:
    budget_mb, peak_mb = rule_input.budgets.memory_mb, rule_input.evidence.peak_memory_mb
    if budget_mb is None:
        return None
    if peak_mb is None:
        return InsufficientEvidence("the memory of its worker is not known")
    if peak_mb <= budget_mb:
        return None
    return BrokenRule(
        f"its worker takes {peak_mb:.0f} MiB of memory; its budget is {budget_mb:g} MiB"
    )


def _check_invoke_time(rule_input: RuleInput) -> RuleResult:
    budget_ms, evidence = rule_input.budgets.invoke_ms_p95, rule_input.evidence
    if budget_ms is None:
        return None
    if evidence.timed_frames < MIN_TIMED_FRAMES:
        return _too_few_times(evidence)
    invoke_ms = evidence.invoke_s_p95 * 1000
    if not _is_measurable(rule_input, evidence.timed_frames) or invoke_ms <= budget_ms:
        return None
    return BrokenRule(
        f"the 95th percentile of an invocation is {invoke_ms:.1f} ms; its budget is {budget_ms:g} ms"
    )


def _check_frame_time(rule_input: RuleInput) -> RuleResult:
    """Compare the 95th percentiles; the shadow's times show whether the host itself has become slower since the baseline."""
    evidence = rule_input.evidence
    shadow_s = evidence.shadow_s_p95 if evidence.shadowed_frames >= MIN_TIMED_FRAMES else 0.0
    old_s = max(rule_input.baseline.frame_s_p95, shadow_s)
    if not old_s:
        return InsufficientEvidence("the old model's time per frame is not known")
    if evidence.timed_frames < MIN_TIMED_FRAMES:
        return _too_few_times(evidence)
    if not _is_measurable(rule_input, evidence.timed_frames) or (
        rule_input.is_early and not shadow_s
    ):
        return None
    max_s = rule_input.probation.max_p95_ratio * old_s
    if evidence.frame_s_p95 <= max_s:
        return None
    return BrokenRule(
        f"the 95th percentile of its time per frame is {evidence.frame_s_p95 * 1000:.1f} ms; {max_s * 1000:.1f} ms are allowed"
        f" ({rule_input.probation.max_p95_ratio:g} times the old model's {old_s * 1000:.1f} ms)"
    )


def _check_median_frame_time(rule_input: RuleInput) -> RuleResult:
    """Compare medians of the same period: on a busy host the slowest frames hide a slower model, and the median does not."""
    evidence = rule_input.evidence
    if (
        evidence.shadowed_frames < MIN_TIMED_FRAMES
        or evidence.timed_frames < MIN_TIMED_FRAMES
        or not evidence.shadow_s_p50
    ):
        return None  # `_check_frame_time` reports what is missing
    max_s = rule_input.probation.max_p95_ratio * evidence.shadow_s_p50
    if not _is_measurable(rule_input, evidence.timed_frames) or evidence.frame_s_p50 <= max_s:
        return None
    return BrokenRule(
        f"the median of its time per frame is {evidence.frame_s_p50 * 1000:.1f} ms; {max_s * 1000:.1f} ms are allowed"
        f" ({rule_input.probation.max_p95_ratio:g} times the old model's {evidence.shadow_s_p50 * 1000:.1f} ms)"
    )


def _check_fps(rule_input: RuleInput) -> RuleResult:
    """Compare frames per second in the time that the shadow left, or the share of captured frames if the cameras became slower."""
    evidence, old_fps = rule_input.evidence, rule_input.baseline.fps
    if not evidence.captured_frames:
        return InsufficientEvidence("the cameras gave no frames")
    if not old_fps:
        return InsufficientEvidence("the frames per second before the trial are not known")
    if not _is_measurable(rule_input, evidence.captured_frames):
        return None
    own_s = evidence.measured_s - evidence.shadow_total_s / evidence.worker_count
    own_fps = evidence.inferred_frames / own_s if own_s > 0 else 0.0
    fps = max(own_fps, old_fps * evidence.inferred_frames / evidence.captured_frames)
    min_fps = rule_input.probation.min_fps_ratio * old_fps
    if fps >= min_fps:
        return None
    return BrokenRule(
        f"it runs on {fps:.2f} frames per second; {min_fps:.2f} are required"
        f" ({rule_input.probation.min_fps_ratio:g} of the {old_fps:.2f} before)"
    )


def _check_agreement(rule_input: RuleInput) -> RuleResult:
    """Compare the boxes: F1 of the new model's with the old model's as the truth, and their numbers."""
    evidence, probation = rule_input.evidence, rule_input.probation
    boxes = evidence.total_boxes
    if boxes < probation.min_boxes:
        return InsufficientEvidence(f"{boxes} of {probation.min_boxes} boxes")
    is_clear = boxes >= EARLY_BOXES_FACTOR * probation.min_boxes and _is_measurable(
        rule_input, evidence.inferred_frames
    )
    if not boxes or (rule_input.is_early and not is_clear):
        return None
    new = evidence.matched_boxes + evidence.new_only_boxes
    old = evidence.matched_boxes + evidence.old_only_boxes
    f1 = 2 * evidence.matched_boxes / (new + old)
    if f1 < probation.min_f1:
        return BrokenRule(
            f"it agrees with the old model to {f1:.2f} (F1 over {boxes} boxes on {evidence.shadowed_frames} frames);"
            f" {probation.min_f1:g} is required"
        )
    min_ratio, max_ratio = probation.detection_ratio
    if min_ratio * old <= new <= max_ratio * max(old, 1):
        return None
    return BrokenRule(
        f"it detected {new} boxes where the old model detected {old};"
        f" {min_ratio:g} to {max_ratio:g} times as many are allowed"
    )


def _too_few_times(evidence: Evidence) -> InsufficientEvidence:
    return InsufficientEvidence(
        f"the times of {evidence.timed_frames} of {MIN_TIMED_FRAMES} frames"
    )


TRIAL_RULES: tuple[Callable[[RuleInput], RuleResult], ...] = (
    _check_error_rate,
    _check_memory,
    _check_invoke_time,
    _check_frame_time,
    _check_median_frame_time,
    _check_fps,
    _check_agreement,
)
