"""Functions of all families for outputs: dequantisation, the best candidates, and the layouts of boxes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.families.hits import find_above_threshold
from edged.families.label_count import find_class_offset
from edged.types import F32, ModelSignature, TensorInfo

MAX_CANDIDATES = 300
"""Number of best candidates that enter non-maximum suppression; more are either invalid or too many objects to track."""
_MAX_FRACTION = 2.0
"""Between the largest coordinates of a frame's candidates: about 1 in fractions of the input, hundreds in pixels."""


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def dequantise(values: NDArray[np.generic], tensor: TensorInfo) -> F32:
    """Undo a tensor's affine quantisation; float tensors are not changed.

    Args:
        values: any shape, dtype of the tensor.
        tensor: the tensor's scale and zero point.

    Returns:
        The values, not quantised: same shape, float32.
    """
    if not tensor.scale:
        return np.asarray(values, np.float32)
    plain = np.array(values, np.float32)
    plain -= np.float32(tensor.zero_point)
    plain *= np.float32(tensor.scale)
    return plain


def find_best_scores(
    values: NDArray[np.generic], tensor: TensorInfo, min_score: float
) -> tuple[NDArray[np.intp], F32]:
    """Find the best `MAX_CANDIDATES` of the scores that reach a threshold, unordered.

    Args:
        values: (N,) scores, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
        min_score: smallest score, not quantised.

    Returns:
        Their indices (M,) intp, and the scores, not quantised, (M,) float32.

    Raises:
        ModelError: a score is not a number.
    """
    keep = find_above_threshold(values, tensor, min_score)
    scores = dequantise(values[keep], tensor)
    chosen = top_candidates(scores)
    return keep[chosen], scores[chosen]


def top_candidates(scores: F32) -> NDArray[np.intp]:
    """Return the indices of the best `MAX_CANDIDATES` scores, unordered: (M,) intp of (N,) float32."""
    if len(scores) <= MAX_CANDIDATES:
        return np.arange(len(scores))
    return np.argpartition(scores, -MAX_CANDIDATES)[-MAX_CANDIDATES:]


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def read_objectness_rows(
    rows: NDArray[np.generic], tensor: TensorInfo, min_score: float
) -> tuple[NDArray[np.intp], F32, F32, NDArray[np.intp]]:
    """Read rows of box, objectness and class scores; the score is objectness times the best class score.

    Args:
        rows: (N, 5 + C), dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
        min_score: rows with a lower score are left out.

    Returns:
        For each of the best M rows: index (M,) intp, box as stored in the row (M, 4) float32, score (M,) float32, class id (M,) intp.

    Raises:
        ModelError: an objectness is not a number.
    """
    # A class score is at most 1, so objectness alone excludes nearly every row.
    likely = find_above_threshold(rows[:, 4], tensor, min_score)
    if not len(likely):
        return likely, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), likely
    candidates = dequantise(rows[likely], tensor)
    class_ids = candidates[:, 5:].argmax(axis=1)
    scores = candidates[:, 4] * candidates[np.arange(len(candidates)), 5 + class_ids]
    keep = np.flatnonzero(scores >= min_score)
    keep = keep[top_candidates(scores[keep])]
    return likely[keep], candidates[keep, :4], scores[keep], class_ids[keep]


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def to_corners(boxes: F32) -> F32:
    """Convert (N, 4) float32 boxes from [centre x, centre y, width, height] to [x1, y1, x2, y2]."""
    half = boxes[:, 2:] / 2
    corners = np.empty_like(boxes)
    np.subtract(boxes[:, :2], half, out=corners[:, :2])
    np.add(boxes[:, :2], half, out=corners[:, 2:])
    return corners


def is_in_pixels(boxes: F32, coordinates: NDArray[Any], tensor: TensorInfo) -> bool:
    """Return whether coordinates are pixels of the input instead of fractions of it: exporters differ, and files do not say.

    Over all candidates of a frame, the largest coordinate is close to the side of the input: 1, or hundreds. Those that are not chosen are
    looked at only if neither the chosen ones nor the range of the tensor tell it.

    Args:
        boxes: (M, 4) float32, the candidates that were chosen, not quantised; columns 0 and 1 are coordinates.
        coordinates: (N, 2) or (N, 4) of all candidates, or transposed, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
    """
    if not len(boxes):
        return False
    if boxes[:, :2].max() > _MAX_FRACTION:
        return True
    if tensor.scale and coordinates.dtype.kind in "iu":
        highest = int(np.iinfo(coordinates.dtype).max)
        if (highest - tensor.zero_point) * tensor.scale <= _MAX_FRACTION:
            return False
    return float(dequantise(coordinates.max(initial=0), tensor)) > _MAX_FRACTION


def class_count_mismatch(signature: ModelSignature, class_count: int | None) -> str | None:
    """Return a clause that says why the labels are not those of a model with `class_count` classes; None if they fit, or nothing shows it."""
    found = find_class_offset(signature, class_count, counts_background=True)
    return found if isinstance(found, str) else None
