"""Functions of families for a table of class scores, which may still be logits: the values before the sigmoid."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.hits import find_rows
from edged.families.outputs import MAX_CANDIDATES, dequantise, top_candidates
from edged.types import F32, TensorInfo

_MAX_LOGIT = 80.0
"""Largest absolute value of a logit; the exponential of a larger one overflows float32."""
_FIRST_ROWS = 16
"""Rows of float scores among which some are negative, if they are logits: they spare the look at all rows."""
_MAX_SCORE = 1.01
"""Largest score that a quantised tensor of scores can hold, with the rounding of its scale."""


def are_logits(values: NDArray[np.generic], tensor: TensorInfo) -> bool:
    """Return whether scores are logits: some are, or could be, below 0 or above 1.

    The range of a quantised tensor tells it. Among the thousands of float logits of a frame some are always negative.

    Args:
        values: (N, C), the scores of a frame, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
    """
    if not tensor.scale or values.dtype.kind not in "iu":
        if values[:_FIRST_ROWS].min(initial=0) < 0:
            return True
        return bool(values.max(initial=0) > 1 or values.min(initial=0) < 0)
    limits = np.iinfo(tensor.dtype)
    low, high = ((int(end) - tensor.zero_point) * tensor.scale for end in (limits.min, limits.max))
    # Converters give int16 a zero point of 0, so that half of its range is negative in any case.
    return high > _MAX_SCORE or (low < 1 - _MAX_SCORE and values.dtype != np.int16)


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def find_best_rows(
    values: NDArray[np.generic],
    tensor: TensorInfo,
    min_score: float,
    *,
    logits: bool,
    ignored: Sequence[int] = (),
) -> tuple[NDArray[np.intp], F32, NDArray[np.intp]]:
    """Find the rows whose best class reaches a threshold, at most `MAX_CANDIDATES`; only they are dequantised.

    Args:
        values: (N, C) class scores, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
        min_score: smallest score, after the sigmoid, not quantised.
        logits: whether the scores are logits, to which the sigmoid is applied here.
        ignored: columns that are no class, such as the background.

    Returns:
        For each of the best M rows, unordered: index (M,) intp, score (M,) float32, column of the best class (M,) intp.

    Raises:
        ModelError: a score is NaN, or the score of a best class is infinite.
    """
    threshold = _to_logit(min_score) if logits else min_score
    rows = find_rows(values, tensor, threshold, ignored)
    if not len(rows):
        return rows, np.zeros(0, np.float32), rows
    candidates = dequantise(values[rows], tensor)
    if ignored:
        candidates[:, list(ignored)] = -np.inf
    class_ids = candidates.argmax(axis=1)
    best = candidates[np.arange(len(rows)), class_ids]
    if not np.isfinite(best).all():
        raise ModelError(f"the model's output {tensor.name!r} contains infinite scores")
    if len(best) > MAX_CANDIDATES:
        chosen = top_candidates(best)
        rows, best, class_ids = rows[chosen], best[chosen], class_ids[chosen]
    return rows, sigmoid(best) if logits else best, class_ids


def sigmoid(logits: F32) -> F32:
    """Return the scores of logits: (N,) float32 of (N,) float32."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -_MAX_LOGIT, _MAX_LOGIT))), np.float32)


def _to_logit(score: float) -> float:
    if not 0.0 < score < 1.0:
        return -_MAX_LOGIT if score <= 0.0 else _MAX_LOGIT
    return float(np.log(score) - np.log1p(-score))
