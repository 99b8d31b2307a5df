"""Decides whether a trial continues, or ends in a commit or a rollback. Pure: from all evidence so far to a verdict.

A trial ends when it has lasted `Probation.min_s` and `Probation.min_frames`, and every rule of `edged.updates.rules.trial_rules` had
enough evidence. If one had not, the trial continues until `Probation.max_s` at the latest; then the model is committed, and the commit is
flagged with what was missing. A rule that is clearly broken ends the trial early.

While the trial is suspended nothing is measured and it does not end, except for a failure that is the model's own. Losses of workers that
something outside the model explains end it only when there are too many, and are no fault of the model.
"""

from dataclasses import dataclass

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.evidence import Evidence
from edged.updates.rules.rule_input import BrokenRule, InsufficientEvidence, RuleInput
from edged.updates.rules.trial_rules import TRIAL_RULES

MAX_OUTSIDE_LOSSES = 3
"""Losses of workers that something outside the model explains: the third ends the trial, so that a device does not stay without inference."""


@dataclass(frozen=True, slots=True)
class ContinueVerdict:
    """The trial continues. `progress`, 0..1, never falls."""

    progress: float


@dataclass(frozen=True, slots=True)
class CommitVerdict:
    """The model passed. `flag_reason` says what evidence was missing; None if none was."""

    flag_reason: str | None = None


@dataclass(frozen=True, slots=True)
class RollbackVerdict:
    """The trial ends without a commit.

    Attributes:
        reason: why, with the numbers.
        is_model_fault: the model failed by itself; False if something outside it is, or can be, the cause.
    """

    reason: str
    is_model_fault: bool = True


TrialVerdict = ContinueVerdict | CommitVerdict | RollbackVerdict


def evaluate_trial(
    probation: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence
) -> TrialVerdict:
    """Judge a trial by its evidence so far.

    Args:
        probation: what the manifest requires of the trial.
        budgets: what the manifest allows the model.
        baseline: how the old model performed before.
        evidence: what the trial has shown.
    """
    failure = _find_failure(evidence)
    if failure is not None:
        return failure
    progress = ContinueVerdict(_compute_progress(probation, evidence))
    if evidence.suspended_reason is not None:
        return progress
    is_complete = (
        evidence.measured_s >= probation.min_s and evidence.inferred_frames >= probation.min_frames
    )
    is_late = evidence.measured_s >= probation.max_s
    rule_input = RuleInput(
        probation, budgets, baseline, evidence, is_early=not (is_complete or is_late)
    )
    results = [rule(rule_input) for rule in TRIAL_RULES]
    broken = [result for result in results if isinstance(result, BrokenRule)]
    if broken:
        return RollbackVerdict(
            "; ".join(rule.reason for rule in broken),
            is_model_fault=any(rule.is_model_fault for rule in broken),
        )
    missing = [result.reason for result in results if isinstance(result, InsufficientEvidence)]
    if is_late:
        missing = [*_find_missing_frames(probation, evidence), *missing]
        return CommitVerdict(
            f"too little evidence for a comparison: {'; '.join(missing)}" if missing else None
        )
    return CommitVerdict() if is_complete and not missing else progress


def _find_failure(evidence: Evidence) -> RollbackVerdict | None:
    """Return the verdict on a failure that ends a trial at once; None if there was none."""
    if evidence.model_failure:
        return RollbackVerdict(f"the model failed: {evidence.model_failure}")
    if evidence.worker_loss:
        return RollbackVerdict(f"a worker was lost in the trial: {evidence.worker_loss}")
    if evidence.outside_failure:
        return RollbackVerdict(
            f"the model could not be tried: {evidence.outside_failure}", is_model_fault=False
        )
    losses = evidence.outside_losses
    if len(losses) >= MAX_OUTSIDE_LOSSES:
        reason = f"workers were lost {len(losses)} times in the trial, not through the model: {losses[-1]}"
        return RollbackVerdict(reason, is_model_fault=False)
    return None


def _compute_progress(probation: Probation, evidence: Evidence) -> float:
    """Return the share of the required evidence; below 1 until the trial has ended."""
    shares = (
        _fraction(evidence.measured_s, probation.min_s),
        _fraction(evidence.inferred_frames, probation.min_frames),
        _fraction(evidence.total_boxes, probation.min_boxes),
    )
    return min(max(min(shares), _fraction(evidence.measured_s, probation.max_s)), 0.99)


def _fraction(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 1.0


def _find_missing_frames(probation: Probation, evidence: Evidence) -> list[str]:
    frames, required = evidence.inferred_frames, probation.min_frames
    return [f"{frames} of {required} frames"] if frames < required else []
