"""What a board's own figures suggest for its configuration. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

_MIN_GAIN = 1.15
"""More threads must make an invoke so much faster: below, the noise of a run decides."""
_LARGE_RATIO = 2.0
"""Frames this much wider than the model's input are worth a smaller stream."""
_MIN_ENCODE_SHARE = 0.03
_MIN_BUSY = 0.2
"""Share of one core that a camera keeps busy, from which a motion gate saves something worth naming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadTrial:
    """The bare interpreter with a number of threads.

    Attributes:
        threads: number of threads.
        invoke_ms: wall time of one invoke, in ms.
        cpu_ms: CPU time of one invoke over all threads, in ms.
    """

    threads: int
    invoke_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFigures:
    """What was measured.

    Attributes:
        trials: the bare interpreter with one thread, and with more.
        frame: width and height of the frames, in pixels.
        model_input: width and height of the model's input, in pixels.
        encode_ms: time to make the model's input from a frame, in ms; None if it is not known.
        cpu_ms: CPU time of the whole daemon a frame, in ms; None if it is not known.
        fps: frames per second of the camera.
    """

    trials: Sequence[ThreadTrial]
    frame: tuple[int, int]
    model_input: tuple[int, int]
    encode_ms: float | None
    cpu_ms: float | None
    fps: float


def suggest(figures: BoardFigures) -> tuple[str, ...]:
    """Return the suggestions, one line each."""
    lines = (_threads(figures), _size(figures), _rate(figures), _gate(figures))
    return tuple(line for line in lines if line)


def choose_threads(trials: Sequence[ThreadTrial]) -> ThreadTrial:
    """Return the trial with the fewest threads that no other beats by a factor of `_MIN_GAIN`."""
    fewest_first = sorted(trials, key=lambda trial: trial.threads)
    fastest_ms = min(trial.invoke_ms for trial in trials)
    return next(one for one in fewest_first if one.invoke_ms <= fastest_ms * _MIN_GAIN)


def _threads(figures: BoardFigures) -> str:
    if not figures.trials:
        return ""
    best = choose_threads(figures.trials)
    ordered = sorted(figures.trials, key=lambda trial: trial.threads)
    tried = ", ".join(f"{t.threads}: {t.invoke_ms:.1f} ms ({t.cpu_ms:.1f} ms CPU)" for t in ordered)
    return f"model.threads = {best.threads}: an invoke takes, by number of threads, {tried}"


def _size(figures: BoardFigures) -> str:
    invoke_ms = _invoke_ms(figures)
    is_large = all(
        side >= _LARGE_RATIO * own
        for side, own in zip(figures.frame, figures.model_input, strict=True)
    )
    if not is_large or figures.encode_ms is None or invoke_ms is None:
        return ""
    if figures.encode_ms < _MIN_ENCODE_SHARE * invoke_ms:
        return ""
    width, height = figures.model_input
    return (
        f"frame size: making the model's input takes {figures.encode_ms:.2f} ms, {figures.encode_ms / invoke_ms:.0%} of an invoke; "
        f"a camera stream near {width}x{height} saves most of it, if objects of that size are large enough"
    )


def _rate(figures: BoardFigures) -> str:
    invoke_ms = _invoke_ms(figures)
    if invoke_ms is None or invoke_ms * figures.fps <= 1000:  # noqa: PLR2004 (ms in a second)
        return ""
    return (
        f"camera rate: the model runs {1000 / invoke_ms:.1f} times a second, and {figures.fps:g} frames arrive; "
        "a lower camera rate saves the capture of frames that are dropped"
    )


def _gate(figures: BoardFigures) -> str:
    if figures.cpu_ms is None:
        return ""
    busy = min(figures.cpu_ms * figures.fps / 1000, 1.0)
    if busy < _MIN_BUSY:
        return ""
    return (
        f"motion gate: at {figures.fps:g} frames per second this camera keeps {busy:.0%} of a core busy; "
        'with gate = "motion", the default, a scene that stands still costs less: --scenario static measures how much'
    )


def _invoke_ms(figures: BoardFigures) -> float | None:
    return choose_threads(figures.trials).invoke_ms if figures.trials else None
