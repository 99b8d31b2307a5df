"""What the families share about outputs: quantisation, layout, and the way from candidates to `Detections`."""

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.nms import suppress
from edged.types import F32, Detections, Fit, ModelSignature, TensorInfo

DEFAULT_IOU_THRESHOLD = 0.45
"""Least intersection over union at which two boxes of a class are one object: the default of YOLOv5's and YOLOX's tools."""
MAX_CANDIDATES = 300
"""The best so many enter non-maximum suppression; beyond it, a scene is nonsense or a crowd that nobody can track."""
MAX_DETECTIONS = 100


def dequantise(values: NDArray[np.generic], tensor: TensorInfo) -> F32:
    """Undo a tensor's affine quantisation; float tensors pass."""
    if not tensor.scale:
        return np.asarray(values, np.float32)
    return (np.asarray(values, np.float32) - np.float32(tensor.zero_point)) * np.float32(
        tensor.scale
    )


def find_above_threshold(
    values: NDArray[Any], tensor: TensorInfo, threshold: float
) -> NDArray[np.intp]:
    """Indices of the values of a (N,) array that reach `threshold`, compared as they are stored.

    Dequantising a whole YOLO output to compare it costs 18 times as much.

    Raises:
        ModelError: a value is not a number.
    """
    if np.issubdtype(values.dtype, np.floating) and np.isnan(values.max(initial=0)):
        raise ModelError(f"the model's output {tensor.name!r} has scores that are not numbers")
    if not tensor.scale:
        return np.flatnonzero(values >= threshold)
    # The slack keeps a threshold that is a whole number of steps from being rounded up by one.
    return np.flatnonzero(values >= ceil(threshold / tensor.scale - 1e-6) + tensor.zero_point)


def top_candidates(scores: F32) -> NDArray[np.intp]:
    """Indices of the best `MOST_CANDIDATES` scores, in no order."""
    if len(scores) <= MAX_CANDIDATES:
        return np.arange(len(scores))
    return np.argpartition(scores, -MAX_CANDIDATES)[-MAX_CANDIDATES:]


def read_objectness_rows(
    rows: NDArray[np.generic], tensor: TensorInfo, min_score: float
) -> tuple[NDArray[np.intp], F32, F32, NDArray[np.intp]]:
    """Read (N, 5 + C) rows of box, objectness and class scores; the score is objectness times the best class's.

    Returns:
        Of the best rows that reach `min_score`: index, box as stored in the row, score, class id.
    """
    # A class score is at most 1, so objectness alone rules out nearly every row.
    likely = find_above_threshold(rows[:, 4], tensor, min_score)
    found = dequantise(rows[likely], tensor)
    class_ids = found[:, 5:].argmax(axis=1)
    scores = found[:, 4] * found[np.arange(len(found)), 5 + class_ids]
    keep = np.flatnonzero(scores >= min_score)
    keep = keep[top_candidates(scores[keep])]
    return likely[keep], found[keep, :4], scores[keep], class_ids[keep]


def to_corners(boxes: F32) -> F32:
    """(N, 4) boxes as centre x, centre y, width, height -> as x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def is_in_pixels(coordinates: NDArray[np.generic], tensor: TensorInfo) -> bool:
    """Whether an output counts in the input's pixels instead of fractions of it: exporters differ, and files do not say.

    Over all candidates of a frame the greatest coordinate comes near the input's side: 1, or hundreds.
    """
    return float(dequantise(coordinates.max(initial=0), tensor)) > 2.0  # noqa: PLR2004 - between 1 and hundreds


def build_detections(
    boxes: F32,
    scores: F32,
    class_ids: NDArray[np.generic],
    fit: Fit,
    *,
    iou_threshold: float | None = DEFAULT_IOU_THRESHOLD,
) -> Detections:
    """Bring what was found to the frame.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in tensor coordinates.
        scores: (N,); above 1 by a rounding of the quantisation at most.
        class_ids: (N,) of any type.
        fit: how the frame lies in the tensor.
        iou_threshold: for non-maximum suppression within a class; None if the model has done that.

    Returns:
        At most `MOST_DETECTIONS`, best first; boxes that lie wholly in the padding are left out.

    Raises:
        ModelError: a box or a class id is not a number, or a class id is impossible.
    """
    ids = np.asarray(class_ids, np.float64)
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all() and np.isfinite(ids).all()):
        raise ModelError("the model's boxes or classes are not numbers")
    if len(ids) and not 0 <= ids.min() <= ids.max() < 1e5:  # noqa: PLR2004 - no model has so many
        raise ModelError(f"the model's class ids reach from {ids.min():g} to {ids.max():g}")
    scale = np.array([fit.scale_x, fit.scale_y] * 2, np.float32)
    offset = np.array([fit.offset_x, fit.offset_y] * 2, np.float32)
    found = Detections(
        np.clip((boxes - offset) / scale, 0.0, 1.0).astype(np.float32),
        np.minimum(scores, 1.0).astype(np.float32),
        np.rint(ids).astype(np.int32),
    )
    found = found[np.asarray((found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1))]
    found = found[np.argsort(-found.scores, kind="stable")]
    if iou_threshold is not None:
        found = found[suppress(found.boxes, found.class_ids, iou_threshold)]
    return found[:MAX_DETECTIONS]


def yolo_grids(width: int, height: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The numbers of cells of the usual YOLO heads over an input of that size, each with its strides in pixels."""
    for strides in ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32)):
        yield sum((width // stride) * (height // stride) for stride in strides), strides


def class_count_mismatch(signature: ModelSignature, count: int) -> str:
    """A clause if the model's labels are known and are not `count`; "" otherwise."""
    labels = len(signature.metadata.labels)
    return (
        f"its output has {count} classes and its label list {labels}"
        if labels not in (0, count)
        else ""
    )
