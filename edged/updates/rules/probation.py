"""Decides whether a trial continues, or ends in a commit or a rollback. Pure: from all evidence so far to a verdict.

A trial ends when it has lasted `Probation.min_s` and `Probation.min_frames`, and every rule of `edged.updates.rules.trial_rules` had
enough evidence. If one had not, the trial continues until `Probation.max_s` at the latest; then the model is committed, and the commit is
flagged with what was missing. A rule that is clearly broken ends the trial early.

While the board throttles nothing is measured and no trial ends, except for a failure that throttling does not excuse.
"""

from dataclasses import dataclass

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.evidence import Evidence
from edged.updates.rules.trial_rules import TRIAL_RULES, BrokenRule, InsufficientEvidence, RuleInput


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
    """The model failed; `reason` says why, with the numbers."""

    reason: str


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
    if evidence.model_failure:
        return RollbackVerdict(f"the model failed: {evidence.model_failure}")
    if evidence.worker_loss:
        return RollbackVerdict(f"a worker was lost in the trial: {evidence.worker_loss}")
    progress = ContinueVerdict(_compute_progress(probation, evidence))
    if evidence.throttled:
        return progress
    is_complete = (
        evidence.measured_s >= probation.min_s and evidence.inferred_frames >= probation.min_frames
    )
    is_late = evidence.measured_s >= probation.max_s
    rule_input = RuleInput(
        probation, budgets, baseline, evidence, is_early=not (is_complete or is_late)
    )
    results = [rule(rule_input) for rule in TRIAL_RULES]
    broken = [result.reason for result in results if isinstance(result, BrokenRule)]
    if broken:
        return RollbackVerdict("; ".join(broken))
    missing = [result.reason for result in results if isinstance(result, InsufficientEvidence)]
    if is_late:
        missing = [*_find_missing_frames(probation, evidence), *missing]
        return CommitVerdict(
            f"too little evidence for a comparison: {'; '.join(missing)}" if missing else None
        )
    return CommitVerdict() if is_complete and not missing else progress


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
