"""The rules of a trial on boxes: how far the new model's agree with the old model's on the same frames. Pure."""

from edged.updates.rules.rule_input import BrokenRule, InsufficientEvidence, RuleInput, RuleResult
from edged.updates.rules.significance import find_ratio_bounds

MIN_EARLY_S = 60.0
"""No comparison of boxes ends a trial before this time, unless the trial is shorter: the objects of a scene stay for a while."""
EARLY_BOXES_FACTOR = 5
"""No comparison of fewer boxes than this multiple of `Probation.min_boxes` ends a trial early: one object that does not move gives many boxes."""


def check_agreement(rule_input: RuleInput) -> RuleResult:
    """Compare the boxes: F1 of the new model's with the old model's as the truth, and their numbers."""
    evidence, probation = rule_input.evidence, rule_input.probation
    boxes = evidence.boxes
    if boxes.total < probation.min_boxes:
        return InsufficientEvidence(f"{boxes.total} of {probation.min_boxes} boxes")
    is_clear = (
        boxes.total >= EARLY_BOXES_FACTOR * probation.min_boxes
        and evidence.measured_s >= min(MIN_EARLY_S, probation.min_s)
    )
    if not boxes.total or (rule_input.is_early and not is_clear):
        return None
    return _check_f1(rule_input) or _check_detection_ratio(rule_input)


def _check_f1(rule_input: RuleInput) -> RuleResult:
    evidence, min_f1 = rule_input.evidence, rule_input.probation.min_f1
    boxes = evidence.boxes
    f1 = 2 * boxes.both / (boxes.new + boxes.old)
    if f1 >= min_f1:
        return None
    bounds = find_ratio_bounds([(2 * one.both, one.new + one.old) for one in evidence.comparisons])
    numbers = f"{f1:.2f} (F1 over {boxes.total} boxes on {evidence.shadowed_frames} frames); {min_f1:g} is required"
    if bounds is not None and bounds[1] < min_f1:
        return BrokenRule(f"it agrees with the old model to {numbers}")
    return InsufficientEvidence(f"whether it agrees with the old model is unclear: to {numbers}")


def _check_detection_ratio(rule_input: RuleInput) -> RuleResult:
    evidence = rule_input.evidence
    min_ratio, max_ratio = rule_input.probation.detection_ratio
    boxes = evidence.boxes
    if min_ratio * boxes.old <= boxes.new <= max_ratio * max(boxes.old, 1):
        return None
    # The share of the new model's boxes in those of both has bounds even if the old model found none.
    bounds = find_ratio_bounds([(one.new, one.new + one.old) for one in evidence.comparisons])
    numbers = (
        f"{boxes.new} boxes where the old model detected {boxes.old};"
        f" {min_ratio:g} to {max_ratio:g} times as many are allowed"
    )
    if bounds is not None and (
        bounds[1] < min_ratio / (1 + min_ratio) or bounds[0] > max_ratio / (1 + max_ratio)
    ):
        return BrokenRule(f"it detected {numbers}")
    return InsufficientEvidence(f"whether it detects enough is unclear: {numbers}")
