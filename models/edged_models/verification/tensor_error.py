"""The distance of an output's values from those of the source. Pure."""

from math import log10

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

F32 = NDArray[np.float32]
MAX_SNR_DB = 150.0
"""Stands for any larger ratio, and for equal values: more than float32 resolves."""


class TensorError(Struct, frozen=True, kw_only=True):
    """The error of one output over all pictures.

    Attributes:
        output: name of the output.
        snr_db: ratio of the signal to the error, dB: the source's values around their mean against the differences; None if a value
            is not finite.
        relative_rms: the same as a share: root mean square of the error by that of the signal; None if a value is not finite.
        max_abs: largest difference; None if a value is not finite.
        correlation: Pearson's, between the source's values and the result's; None if one of them is constant or not finite.
    """

    output: str
    snr_db: float | None
    relative_rms: float | None
    max_abs: float | None
    correlation: float | None


def measure_error(name: str, expected: F32, actual: F32) -> TensorError:
    """Measure the error of one output.

    Args:
        name: the output's.
        expected: (P, ...) float32, the source's values for P pictures.
        actual: the same shape, float32, the result's.
    """
    left, right = expected.astype(np.float64).ravel(), actual.astype(np.float64).ravel()
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return TensorError(
            output=name, snr_db=None, relative_rms=None, max_abs=None, correlation=None
        )
    error = float(np.sqrt(np.mean(np.square(right - left))))
    relative = error / signal_rms(left) if error else 0.0
    return TensorError(
        output=name,
        snr_db=min(-20 * log10(relative), MAX_SNR_DB) if relative > 0 else MAX_SNR_DB,
        relative_rms=relative,
        max_abs=float(np.abs(right - left).max(initial=0.0)),
        correlation=_correlate(left, right),
    )


def signal_rms(values: NDArray[np.float64]) -> float:
    """Return the root mean square of values, any shape, float64, around their mean, or of the values if they are all alike."""
    spread, size = float(values.std()), float(np.sqrt(np.mean(np.square(values))))
    # The rounding of a constant is no signal.
    return (spread if spread > _ROUNDING * size else size) or _SMALLEST


def _correlate(left: NDArray[np.float64], right: NDArray[np.float64]) -> float | None:
    spreads = left.std() * right.std()
    if not spreads > 0:
        return None
    return float(np.mean((left - left.mean()) * (right - right.mean())) / spreads)


_ROUNDING = 1e-6
_SMALLEST = 1e-30
