"""The rules that a model must keep in its trial, one function each. Pure.

A rule is broken only if the measurement is beyond the limit by more than its own spread (`edged.updates.rules.significance`). If it is beyond
the limit by less, that is too little evidence, and the trial continues. docs/updates.md has the error rates.

To add a rule, write a function from `RuleInput` to `RuleResult`, and list it in `TRIAL_RULES`.
"""

from collections.abc import Callable

from edged.updates.rules.agreement_rules import check_agreement
from edged.updates.rules.rule_input import BrokenRule, InsufficientEvidence, RuleInput, RuleResult
from edged.updates.rules.samples import FrameWindow
from edged.updates.rules.significance import is_more_than, median
from edged.updates.rules.time_rules import check_frame_time, check_invoke_time, check_slow_frames


def _check_error_rate(rule_input: RuleInput) -> RuleResult:
    """Compare the share of failed frames; early, only failures count for which no number of good frames could compensate."""
    evidence, allowed = rule_input.evidence, rule_input.probation.max_error_rate
    failed = evidence.failed_frames
    frames = evidence.inferred_frames + failed
    expected = max(frames, rule_input.probation.min_frames) if rule_input.is_early else frames
    if is_more_than(failed, expected, allowed):
        reason = f"the model failed on {failed} of {frames} frames; {allowed:.2%} are allowed"
        return BrokenRule(reason, is_model_fault=not evidence.uses_delegate)
    if failed > allowed * frames:
        return InsufficientEvidence(
            f"{failed} of only {frames} frames failed, and {allowed:.2%} are allowed"
        )
    return None


def _check_memory(rule_input: RuleInput) -> RuleResult:
    """Compare what the worker takes more than before: it holds the old model too, and the cameras, which the budget does not cover."""
    budget_mb, peak_mb = rule_input.budgets.memory_mb, rule_input.evidence.peak_memory_mb
    if budget_mb is None:
        return None
    if peak_mb is None:
        return InsufficientEvidence("the memory of its worker is not known")
    before_mb = rule_input.baseline.memory_mb
    if peak_mb - before_mb <= budget_mb:
        return None
    return BrokenRule(
        f"its worker takes {peak_mb:.0f} MiB of memory, {peak_mb - before_mb:.0f} MiB more than before; its budget is {budget_mb:g} MiB"
    )


def _check_fps(rule_input: RuleInput) -> RuleResult:
    """Compare frames per second, in most parts of the trial."""
    evidence, old_fps = rule_input.evidence, rule_input.baseline.fps
    if not evidence.captured_frames:
        return InsufficientEvidence("the cameras gave no frames")
    if not old_fps:
        return InsufficientEvidence("the frames per second before the trial are not known")
    min_fps = rule_input.probation.min_fps_ratio * old_fps
    rates = [_find_fps(window, old_fps) for window in evidence.windows]
    if min_fps and not rates:
        return InsufficientEvidence("the frames per second were not measured for long enough")
    return _judge_rates(rule_input, rates, min_fps)


def _judge_rates(rule_input: RuleInput, rates: list[float], min_fps: float) -> RuleResult:
    """Judge the frames per second in the parts of a trial by the number of those that are too low."""
    old_fps = rule_input.baseline.fps
    slow = sum(fps < min_fps for fps in rates)
    if slow <= 0.5 * len(rates):
        return None
    numbers = (
        f"{median(rates):.2f} frames per second; {min_fps:.2f} are required"
        f" ({rule_input.probation.min_fps_ratio:g} of the {old_fps:.2f} before)"
    )
    if is_more_than(slow, len(rates), 0.5):
        return BrokenRule(f"it runs on {numbers}")
    if rule_input.is_early:
        return None
    return InsufficientEvidence(f"whether it runs often enough is unclear: on {numbers}")


def _find_fps(window: FrameWindow, old_fps: float) -> float:
    """Return the frames per second that the model had the time for.

    It is the rate in the time that was the model's; or the share of the captured frames, if the cameras became slower, as if no worker had waited for a
    processor: frames that a busy host takes are not told from others that the model leaves out for no reason that shows in its times.
    """
    if not (window.own_s and window.captured):
        return old_fps
    share = window.inferred / window.captured * window.wall_s / window.own_s
    return max(window.inferred / window.own_s, old_fps * share)


TRIAL_RULES: tuple[Callable[[RuleInput], RuleResult], ...] = (
    _check_error_rate,
    _check_memory,
    check_invoke_time,
    check_frame_time,
    check_slow_frames,
    _check_fps,
    check_agreement,
)
