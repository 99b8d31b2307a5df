"""The rules of a trial on times. Pure.

All times are net, and the models are compared on the same frames, two at a time, on one of which each came first: then only chance can set apart
the times of equal models, whatever else runs on the host.
"""

from edged.clock import NS_PER_S
from edged.updates.rules.evidence import Evidence
from edged.updates.rules.rule_input import BrokenRule, InsufficientEvidence, RuleInput, RuleResult
from edged.updates.rules.significance import binomial_tail, find_upper_bound, is_more_than, median

MIN_PAIRS = 10
"""The median of fewer pairs of times means nothing."""
_MAX_SUSPICION_ERROR = 0.25
"""The share of equal models whose trial is made longer by chance, of those with slow frames at all."""
_NS_PER_MS = NS_PER_S / 1000


def check_invoke_time(rule_input: RuleInput) -> RuleResult:
    """Compare the 95th percentile of an invocation with its budget."""
    budget_ms, times_ns = rule_input.budgets.invoke_ms_p95, rule_input.evidence.invoke_ns
    if budget_ms is None:
        return None
    if len(times_ns) < MIN_PAIRS:
        return _too_few_times(rule_input.evidence)
    slow = sum(ns > budget_ms * _NS_PER_MS for ns in times_ns)
    invoke_ms = sorted(times_ns)[int(0.95 * (len(times_ns) - 1))] / _NS_PER_MS
    if is_more_than(slow, len(times_ns), 0.05):
        return BrokenRule(
            f"the 95th percentile of an invocation is {invoke_ms:.1f} ms; its budget is {budget_ms:g} ms"
        )
    if slow > 0.05 * len(times_ns) and not rule_input.is_early:
        return InsufficientEvidence(
            f"whether an invocation keeps its budget of {budget_ms:g} ms is unclear"
        )
    return None


def check_frame_time(rule_input: RuleInput) -> RuleResult:
    """Compare the times of both models on the same frames; without a shadow, those of the new model with the old one's from before."""
    evidence, limit = rule_input.evidence, rule_input.probation.max_p95_ratio
    if not evidence.shadowed_frames:
        return _check_frame_time_alone(rule_input)
    if len(evidence.pairs) < MIN_PAIRS:
        return InsufficientEvidence(
            f"the times of both models on {2 * len(evidence.pairs)} of {2 * MIN_PAIRS} frames"
        )
    slower = sum(pair.new_ns > limit * pair.old_ns for pair in evidence.pairs)
    new_ms = median(pair.new_ns for pair in evidence.pairs) / _NS_PER_MS
    old_ms = median(pair.old_ns for pair in evidence.pairs) / _NS_PER_MS
    times = (
        f"{new_ms:.1f} ms where the old model takes {old_ms:.1f} ms (medians of {2 * len(evidence.pairs)} frames;"
        f" {limit:g} times as long is allowed)"
    )
    return _judge_times(rule_input, slower, times)


def _judge_times(rule_input: RuleInput, slower: int, times: str) -> RuleResult:
    """Judge the median by the number of pairs of frames on which the new model is too slow; `times` has the medians in words."""
    pairs = len(rule_input.evidence.pairs)
    if is_more_than(slower, pairs, 0.5):
        return BrokenRule(f"its time per frame is {times}")
    if slower > 0.5 * pairs and not rule_input.is_early:
        return InsufficientEvidence(f"whether it is too slow is unclear: it takes {times}")
    return None


def check_slow_frames(rule_input: RuleInput) -> RuleResult:
    """Compare the slowest frames: more than one in twenty must not take longer than the limit allows for the old model's 95th percentile."""
    pairs, limit = rule_input.evidence.pairs, rule_input.probation.max_p95_ratio
    old_ns = find_upper_bound([pair.old_ns for pair in pairs], 0.95)
    if old_ns is None:
        return _suspect_slow_frames(rule_input)
    slow = sum(pair.new_ns > limit * old_ns for pair in pairs)
    if not is_more_than(slow, len(pairs), 0.05):
        return None
    return BrokenRule(
        f"{slow} of {len(pairs)} pairs of frames took longer than {limit * old_ns / _NS_PER_MS:.1f} ms, which is {limit:g} times the 95th percentile"
        " of the old model"
    )


def _suspect_slow_frames(rule_input: RuleInput) -> RuleResult:
    """Ask for more frames if too few are known for a percentile, and more often the new model is the slower one by far than the old one."""
    pairs, limit = rule_input.evidence.pairs, rule_input.probation.max_p95_ratio
    slower = sum(pair.new_ns > limit * pair.old_ns for pair in pairs)
    faster = sum(pair.old_ns > limit * pair.new_ns for pair in pairs)
    is_suspect = binomial_tail(slower, slower + faster, 0.5) <= _MAX_SUSPICION_ERROR
    if rule_input.is_early or slower <= 0.05 * len(pairs) or not is_suspect:
        return None
    return InsufficientEvidence(
        f"whether its slowest frames are too slow is unclear: {slower} of {len(pairs)} pairs of frames took more than {limit:g} times the old model's time"
    )


def _check_frame_time_alone(rule_input: RuleInput) -> RuleResult:
    """Compare with the baseline, which is of another time: most frames must take longer than the limit allows for the median before."""
    evidence, limit = rule_input.evidence, rule_input.probation.max_p95_ratio
    max_ns = limit * rule_input.baseline.frame_s * NS_PER_S
    if not max_ns:
        return InsufficientEvidence("the old model's time per frame is not known")
    if len(evidence.frame_ns) < MIN_PAIRS:
        return _too_few_times(evidence)
    slow = sum(ns > max_ns for ns in evidence.frame_ns)
    numbers = (
        f"{median(evidence.frame_ns) / _NS_PER_MS:.1f} ms; {max_ns / _NS_PER_MS:.1f} ms are allowed"
        f" ({limit:g} times the old model's before the trial)"
    )
    if is_more_than(slow, len(evidence.frame_ns), 0.5):
        return BrokenRule(f"the median of its time per frame is {numbers}")
    if slow > 0.5 * len(evidence.frame_ns) and not rule_input.is_early:
        return InsufficientEvidence(f"whether it is too slow is unclear: its median is {numbers}")
    return None


def _too_few_times(evidence: Evidence) -> InsufficientEvidence:
    return InsufficientEvidence(f"the times of {evidence.timed_frames} of {MIN_PAIRS} frames")
