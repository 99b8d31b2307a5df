"""The input and the result of the rules of a trial."""

from dataclasses import dataclass

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.evidence import Evidence


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """The model broke a rule.

    Attributes:
        reason: which, with the numbers.
        is_model_fault: False if something outside the model can be the cause.
    """

    reason: str
    is_model_fault: bool = True


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
