"""The faults of a result: which output, what happened, and the way out. Pure."""

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
_WAYS_OUT = {
    "float32": "give the model in another form, as a SavedModel or a function",
    "float16": "use --scheme dynamic: float16 has no values above 65504 and few digits below 0.00006",
    "dynamic": "use --scheme float16, or omit --per-tensor",
    "int16x8": "use --scheme dynamic or float16",
}
_INTEGER_WAY_OUT = "use --scheme int16x8 or dynamic, leave layers in float (--auto), or calibrate with more pictures"
_SEPARATE_OUTPUTS = "or give the model an output of its own for them"
_MIN_VARIATION = 0.1
"""Share of an output's signal that must differ between pictures before a constant result is a loss."""
_LOST_SHARE = 0.5
"""Error of a channel, as a share of its values, from which it is lost."""
_MIN_STEPS = 3.0
"""A channel that does not reach so many steps of the rounding is lost, even if some values are near by chance."""
_MIN_MAGNITUDE_RATIO = 30.0
"""Between the largest and the smallest channel of an output, from which one scale of 8 bits cannot hold both."""
_NEGLIGIBLE = 1e-6
"""Share of the largest channel below which a channel is nothing but rounding."""
_MAX_SCORE = 1.01
_MIN_STUCK_SHARE = 0.05
_STUCK_ERROR = 0.1
"""Error, as a share of the source's range, from which a value at the end of the result's range is stuck there."""


def find_output_faults(name: str, expected: F32, actual: F32, *, scheme: str) -> list[str]:
    """Find what no bound is needed for: values that are no numbers, a constant output, channels that were lost.

    Args:
        name: the output's.
        expected: (P, ...) float32, the source's values for P pictures.
        actual: the same shape, float32, the result's.
        scheme: the scheme of the conversion, for the way out.
    """
    if not np.isfinite(expected).all():
        return [f"output {name!r} of the source itself contains NaN or infinity: repair the model"]
    if not np.isfinite(actual).all():
        return [
            f"output {name!r} contains NaN or infinity, the source's does not: {find_way_out(scheme)}"
        ]
    if is_constant(actual) and _measure_variation(expected) >= _MIN_VARIATION:
        return [
            f"output {name!r} is the same for all {len(expected)} pictures, the source's is not: {find_way_out(scheme)}"
        ]
    lost = find_lost_channels(expected, actual)
    return [f"output {name!r}: {lost}: {find_way_out(scheme)}, {_SEPARATE_OUTPUTS}"] if lost else []


def find_way_out(scheme: str) -> str:
    """Return what to try instead of a scheme that loses too much."""
    return _WAYS_OUT.get(scheme, _INTEGER_WAY_OUT)


def is_constant(values: F32) -> bool:
    """Return whether values, (P, ...) float32, are the same for all of several pictures."""
    return len(values) > 1 and bool((values == values[:1]).all())


def _measure_variation(values: F32) -> float:
    """Return the share of the signal of values, (P, ...) float32, that differs between pictures."""
    spread = float(np.sqrt(np.mean(np.square(values - values.mean(axis=0)))))
    signal = float(values.std())
    return spread / signal if signal > 0 else 0.0


def find_lost_channels(expected: F32, actual: F32) -> str | None:
    """Return a clause if small channels of an output were lost beside large ones: coordinates in pixels and scores share a scale.

    Probabilities are left out: that a rare class is rounded to 0 is no loss.

    Args:
        expected: (P, 1, ...) float32, the source's values.
        actual: the same shape, float32.
    """
    if expected.ndim < 3 or (expected.min() >= -_MAX_SCORE + 1 and expected.max() <= _MAX_SCORE):  # noqa: PLR2004
        return None
    best: tuple[float, str] | None = None
    for axis in range(2, expected.ndim):
        found = _find_lost_along(expected, actual, axis)
        if found and (best is None or found[0] > best[0]):
            best = found
    return best[1] if best else None


def _find_lost_along(expected: F32, actual: F32, axis: int) -> tuple[float, str] | None:
    others = tuple(one for one in range(expected.ndim) if one != axis)
    sizes = _rms(expected, others)
    errors = _rms(actual - expected, others)
    largest = float(sizes.max(initial=0.0))
    small = (sizes > largest * _NEGLIGIBLE) & (sizes * _MIN_MAGNITUDE_RATIO < largest)
    if not small.any():
        return None
    reach = np.abs(expected).max(axis=others)
    step = _find_step(np.compress(small, actual, axis=axis))
    lost = small & ((errors >= _LOST_SHARE * sizes) | (reach < _MIN_STEPS * step))
    if not lost.any():
        return None
    kept = float(np.abs(np.compress(lost, actual, axis=axis)).max(initial=0.0))
    ends = [float(reach[one].max()) for one in (lost, ~lost)]
    what = "became 0" if kept == 0 else "lost their values"
    clause = (
        f"{int(lost.sum())} of {lost.size} channels {what}: they reach {ends[0]:.3g} where others reach {ends[1]:.3g}, "
        "and all share one scale"
    )
    return float(lost.mean()), clause


def _find_step(values: F32) -> float:
    """Return the smallest difference between two values of any shape, float32; 0 if they are all alike."""
    distinct = np.unique(values)
    return float(np.diff(distinct).min()) if distinct.size > 1 else 0.0


def _rms(values: F32, axes: tuple[int, ...]) -> NDArray[np.float64]:
    return np.sqrt(np.mean(np.square(values.astype(np.float64)), axis=axes))


def describe_loss(expected: F32, actual: F32) -> str:
    """Describe how values differ, for an output that is beyond its bound.

    Args:
        expected: (P, ...) float32, the source's values for P pictures.
        actual: the same shape, float32, the result's.
    """
    if not np.any(actual):
        return "all its values became 0"
    if is_constant(actual):
        return f"it is the same for all {len(actual)} pictures"
    ends = (actual == actual.min()) | (actual == actual.max())
    span = float(expected.max() - expected.min())
    stuck = float((ends & (np.abs(actual - expected) > _STUCK_ERROR * span)).mean())
    if stuck >= _MIN_STUCK_SHARE:
        return (
            f"{100 * stuck:.0f} % of its values stick at the ends of its range, {actual.min():.3g}..{actual.max():.3g}, where the "
            f"source's go to {expected.min():.3g}..{expected.max():.3g}"
        )
    gain = float(np.sum(expected * actual) / np.sum(np.square(expected)))
    if abs(gain) < _STUCK_ERROR:
        return "nothing of the source's values is left in it"
    return "its error is nearly as large as its signal"
