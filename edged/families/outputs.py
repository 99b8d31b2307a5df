"""Functions of all families for outputs: dequantisation, layouts, and the steps from candidates to `Detections`."""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.label_count import find_class_offset
from edged.families.nms import suppress
from edged.types import F32, Detections, Fit, ModelSignature, TensorInfo

DEFAULT_IOU_THRESHOLD = 0.45
"""Smallest intersection over union at which two boxes of a class are one object: the default of YOLOv5's and YOLOX's tools."""
MAX_CANDIDATES = 300
"""Number of best candidates that enter non-maximum suppression; more are either invalid or too many objects to track."""
MAX_DETECTIONS = 100
_MAX_SCORE = 1.1
"""Rounding of a quantisation makes a score of 1 a little larger, and none so large."""
_MAX_CLASSES = 100_000
"""More classes than any model has: larger class ids are invalid."""


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
    return (np.asarray(values, np.float32) - np.float32(tensor.zero_point)) * np.float32(
        tensor.scale
    )


def find_above_threshold(
    values: NDArray[Any], tensor: TensorInfo, threshold: float
) -> NDArray[np.intp]:
    """Find the scores that reach a threshold, without dequantising them: dequantising a whole YOLO output takes 18 times as long.

    Args:
        values: (N,) scores, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
        threshold: smallest score, not quantised.

    Returns:
        (M,) intp: indices of the scores of at least `threshold`.

    Raises:
        ModelError: a score is not a number.
    """
    if np.issubdtype(values.dtype, np.floating) and np.isnan(values.max(initial=0)):
        raise ModelError(f"the model's output {tensor.name!r} contains NaN scores")
    if not tensor.scale:
        return np.flatnonzero(values >= threshold)
    # The tolerance prevents that rounding errors raise a threshold of a whole number of steps by one step.
    return np.flatnonzero(values >= ceil(threshold / tensor.scale - 1e-6) + tensor.zero_point)


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
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def is_in_pixels(coordinates: NDArray[np.generic], tensor: TensorInfo) -> bool:
    """Return whether coordinates are pixels of the input instead of fractions of it: exporters differ, and files do not say.

    Over all candidates of a frame, the largest coordinate is close to the side of the input: 1, or hundreds.

    Args:
        coordinates: (N, 2) or (N, 4), or transposed, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
    """
    return float(dequantise(coordinates.max(initial=0), tensor)) > 2.0  # noqa: PLR2004 - between 1 and hundreds


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def build_detections(
    boxes: F32,
    scores: F32,
    class_ids: NDArray[np.generic],
    fit: Fit,
    *,
    iou_threshold: float | None = DEFAULT_IOU_THRESHOLD,
) -> Detections:
    """Map candidates from the tensor to the frame, sort them, and suppress overlapping ones.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2] in tensor coordinates.
        scores: (N,) float32; rounding of the quantisation may make them slightly larger than 1.
        class_ids: (N,) any dtype.
        fit: how the frame was fitted into the tensor.
        iou_threshold: threshold of the non-maximum suppression within a class; None if the model has done that.

    Returns:
        At most `MAX_DETECTIONS`, best first; boxes that lie entirely in the padding are left out.

    Raises:
        ModelError: a box, score or class id is not a number, or a class id is out of range.
    """
    ids = _check_candidates(boxes, scores, class_ids)
    scale = np.array([fit.scale_x, fit.scale_y] * 2, np.float32)
    offset = np.array([fit.offset_x, fit.offset_y] * 2, np.float32)
    detections = Detections(
        np.clip((boxes - offset) / scale, 0.0, 1.0).astype(np.float32),
        np.minimum(scores, 1.0).astype(np.float32),
        np.rint(ids).astype(np.int32),
    )
    not_empty = np.asarray((detections.boxes[:, 2:] > detections.boxes[:, :2]).all(axis=1))
    detections = detections[not_empty]
    detections = detections[np.argsort(-detections.scores, kind="stable")]
    if iou_threshold is not None:
        detections = detections[suppress(detections.boxes, detections.class_ids, iou_threshold)]
    return detections[:MAX_DETECTIONS]


def _check_candidates(
    boxes: F32, scores: F32, class_ids: NDArray[np.generic]
) -> NDArray[np.float64]:
    ids = np.asarray(class_ids, np.float64)
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all() and np.isfinite(ids).all()):
        raise ModelError("the model's boxes, scores or class ids contain NaN or infinity")
    if len(scores) and scores.max() > _MAX_SCORE:
        raise ModelError(
            f"the model's scores reach {scores.max():g}; expected 0 to 1: are they logits, or no scores at all?"
        )
    if len(ids) and not 0 <= ids.min() <= ids.max() < _MAX_CLASSES:
        raise ModelError(
            f"the model's class ids range from {ids.min():g} to {ids.max():g}; expected 0 to {_MAX_CLASSES - 1}"
        )
    return ids


def class_count_mismatch(signature: ModelSignature, class_count: int | None) -> str | None:
    """Return a clause that says why the labels are not those of a model with `class_count` classes; None if they fit, or nothing shows it."""
    found = find_class_offset(signature, class_count, counts_background=True)
    return found if isinstance(found, str) else None
