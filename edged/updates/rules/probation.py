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

EARLY_S = 15.0
"""Nothing that was measured ends a trial sooner, unless it is shorter."""
EARLY_FRAMES = 100
"""Nor does it with fewer frames."""
EARLY_BOXES = 5
"""Nor do boxes, with fewer than so many times those that are enough in the end: one thing that stands there is many boxes."""
LEAST_TIMES = 20
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
class Going:
    """The trial goes on. `progress`, 0..1, never falls."""

    progress: float


@dataclass(frozen=True, slots=True)
class Keep:
    """The model has proved itself. `flag` says what was lacking; "" if nothing was."""

    flag: str = ""


@dataclass(frozen=True, slots=True)
class Back:
    """The model must go; `reason` says why, with the numbers."""

    reason: str


Verdict = Going | Keep | Back


@dataclass(frozen=True, slots=True)
class _Lack:
    """A rule cannot say yet: what it lacks."""

    words: str


_Finding = Back | _Lack | None


@dataclass(frozen=True, slots=True)
class _Case:
    """What the rules go by. `early`: the trial is not over yet, and only what is clear counts."""

    settings: Probation
    budgets: Budgets
    baseline: Baseline
    evidence: Evidence
    early: bool


def judge(settings: Probation, budgets: Budgets, baseline: Baseline, evidence: Evidence) -> Verdict:
    """Keep it, go back, or go on watching.

    Args:
        settings: what the manifest wants of the trial.
        budgets: what the manifest allows the model.
        baseline: how it was before.
        evidence: what the trial has shown.
    """
    if evidence.faltered:
        return Back(f"it is of no use: {evidence.faltered}")
    if evidence.lost:
        return Back(f"a worker was lost in the trial: {evidence.lost}")
    progress = Going(_progress(settings, evidence))
    if evidence.throttled:
        return progress
    over = evidence.judged_s >= settings.min_s and evidence.inferred >= settings.min_frames
    late = evidence.judged_s >= settings.most_s
    case = _Case(settings, budgets, baseline, evidence, early=not (over or late))
    findings = [rule(case) for rule in _RULES]
    broken = [finding for finding in findings if isinstance(finding, Back)]
    if broken:
        return Back("; ".join(back.reason for back in broken))
    lacks = [finding.words for finding in findings if isinstance(finding, _Lack)]
    if late:
        lacks = [*_too_short(case), *lacks]
        return Keep(f"too little was seen to compare: {'; '.join(lacks)}" if lacks else "")
    return Keep() if over and not lacks else progress


def _progress(settings: Probation, evidence: Evidence) -> float:
    """How much of what a trial needs is there; what lasts until the very end is never all."""
    needs = (
        _share(evidence.judged_s, settings.min_s),
        _share(evidence.inferred, settings.min_frames),
        _share(evidence.boxes, settings.least_boxes),
    )
    return min(max(min(needs), _share(evidence.judged_s, settings.most_s)), 0.99)


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 1.0


def _too_short(case: _Case) -> Iterator[str]:
    seen, wanted = case.evidence.inferred, case.settings.min_frames
    if seen < wanted:
        yield f"{seen} of {wanted} frames"


def _measurable(case: _Case, count: int) -> bool:
    """Whether so many frames, in the time that has passed, say something already."""
    least_s = min(EARLY_S, case.settings.min_s)
    return not case.early or (count >= EARLY_FRAMES and case.evidence.judged_s >= least_s)


def _fps(case: _Case) -> _Finding:
    """Frames a second, in the time that the shadow left; or the share of the frames that came, where the cameras became slower."""
    seen, before = case.evidence, case.baseline.fps
    if not seen.captured:
        return _Lack("the cameras gave no frames")
    if not before:
        return _Lack("how many frames a second there were before is not known")
    if not _measurable(case, seen.captured):
        return None
    own_s = seen.judged_s - seen.shadow_s / seen.workers
    a_second = seen.inferred / own_s if own_s > 0 else 0.0
    now = max(a_second, before * seen.inferred / seen.captured)
    least = case.settings.least_fps_ratio * before
    if now >= least:
        return None
    return Back(
        f"it sees {now:.2f} frames a second; {least:.2f} are wanted"
        f" ({case.settings.least_fps_ratio:g} of the {before:.2f} before)"
    )


def _frame_time(case: _Case) -> _Finding:
    """The machine itself may have become slower since the baseline: the shadow would show it."""
    seen = case.evidence
    shadow_s = seen.shadow_s_p95 if seen.shadowed >= LEAST_TIMES else 0.0
    before_s = max(case.baseline.frame_s_p95, shadow_s)
    if not before_s:
        return _Lack("how long the old model takes for a frame is not known")
    if seen.timed < LEAST_TIMES:
        return _Lack(f"the times of {seen.timed} of {LEAST_TIMES} frames")
    if not _measurable(case, seen.timed) or (case.early and not shadow_s):
        return None
    most_s = case.settings.most_p95_ratio * before_s
    if seen.frame_s_p95 <= most_s:
        return None
    return Back(
        f"95 of 100 frames take it up to {seen.frame_s_p95 * 1000:.1f} ms; {most_s * 1000:.1f} ms are allowed"
        f" ({case.settings.most_p95_ratio:g} times the old model's {before_s * 1000:.1f} ms)"
    )


def _typical_time(case: _Case) -> _Finding:
    """The medians, on frames that both saw in the same time: a busy machine hides a slower model in the slowest frames, and not there."""
    seen = case.evidence
    if seen.shadowed < LEAST_TIMES or seen.timed < LEAST_TIMES or not seen.shadow_s_p50:
        return None  # `_frame_time` says what is lacking
    most_s = case.settings.most_p95_ratio * seen.shadow_s_p50
    if not _measurable(case, seen.timed) or seen.frame_s_p50 <= most_s:
        return None
    return Back(
        f"half of the frames take it {seen.frame_s_p50 * 1000:.1f} ms or more; {most_s * 1000:.1f} ms are allowed"
        f" ({case.settings.most_p95_ratio:g} times the old model's {seen.shadow_s_p50 * 1000:.1f} ms)"
    )


def _invoke_time(case: _Case) -> _Finding:
    most_ms, seen = case.budgets.invoke_ms_p95, case.evidence
    if most_ms is None:
        return None
    if seen.timed < LEAST_TIMES:
        return _Lack(f"the times of {seen.timed} of {LEAST_TIMES} frames")
    if not _measurable(case, seen.timed) or seen.invoke_s_p95 * 1000 <= most_ms:
        return None
    return Back(
        f"95 of 100 invocations take up to {seen.invoke_s_p95 * 1000:.1f} ms; its budget is {most_ms:g} ms"
    )


def _errors(case: _Case) -> _Finding:
    """Too many are too many even if all frames that are still to come are good. One is no share of a few frames."""
    failed, most = case.evidence.failed, case.settings.most_error_share
    frames = case.evidence.inferred + failed
    enough = max(frames, case.settings.min_frames) if case.early else frames
    if failed > max(most * enough, 1 if most else 0):
        return Back(f"it failed on {failed} of {frames} frames; {most:.2%} are allowed")
    if failed > most * frames:
        return _Lack(f"{failed} of only {frames} frames failed, and {most:.2%} may")
    return None


def _memory(case: _Case) -> _Finding:
    most_mb, seen_mb = case.budgets.memory_mb, case.evidence.memory_mb
    if most_mb is None:
        return None
    if seen_mb is None:
        return _Lack("how much memory it takes is not known")
    if seen_mb <= most_mb:
        return None
    return Back(f"it takes {seen_mb:.0f} MiB of memory; its budget is {most_mb:g} MiB")


def _agreement(case: _Case) -> _Finding:
    """F1 of the new model's boxes, with the old model's as the truth, and how many there are of each."""
    seen, settings = case.evidence, case.settings
    if seen.boxes < settings.least_boxes:
        return _Lack(f"{seen.boxes} of {settings.least_boxes} boxes")
    clear = seen.boxes >= EARLY_BOXES * settings.least_boxes and _measurable(case, seen.inferred)
    if not seen.boxes or (case.early and not clear):
        return None
    new, old = seen.both + seen.only_new, seen.both + seen.only_old
    f1 = 2 * seen.both / (new + old)
    if f1 < settings.least_f1:
        return Back(
            f"it agrees with the old model to {f1:.2f} (F1 over {seen.boxes} boxes of {seen.shadowed} frames);"
            f" {settings.least_f1:g} is wanted"
        )
    least, most = settings.detection_ratio
    if least * old <= new <= most * max(old, 1):
        return None
    return Back(
        f"it found {new} boxes where the old model found {old};"
        f" {least:g} to {most:g} times as many are allowed"
    )


_RULES: tuple[Callable[[_Case], _Finding], ...] = (
    _errors,
    _memory,
    _invoke_time,
    _frame_time,
    _typical_time,
    _fps,
    _agreement,
)
