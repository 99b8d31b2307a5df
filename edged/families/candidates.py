"""The last step of all families: from candidates, in tensor coordinates, to the `Detections` of a frame.

A frame has a few candidates. For so few, Python's own numbers are faster than numpy: when an invocation has just emptied the processor's
caches, each of numpy's functions costs ten microseconds or more, however short its arrays. Both ways give the same detections, up to the rounding of float32.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.nms import suppress
from edged.scene.geometry import iou
from edged.types import F32, I32, Detections, Fit

DEFAULT_IOU_THRESHOLD = 0.45
"""Smallest intersection over union at which two boxes of a class are one object: the default of YOLOv5's and YOLOX's tools."""
MAX_DETECTIONS = 100
_MAX_SCORE = 1.1
"""Rounding of a quantisation makes a score of 1 a little larger, and none so large."""
_MAX_CLASSES = 100_000
"""More classes than any model has: larger class ids are invalid."""
FEW_CANDIDATES = 16
"""Up to so many candidates Python's own numbers are faster (measured with an invocation before each)."""
_IDENTITY = Fit()


def build_detections(
    boxes: F32,
    scores: F32,
    class_ids: NDArray[Any],
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
    if len(scores) <= FEW_CANDIDATES:
        rows, values, ids = boxes.tolist(), scores.tolist(), class_ids.tolist()
        return build_few_detections(rows, values, ids, fit, iou_threshold=iou_threshold)
    return _build_many(boxes, scores, class_ids, fit, iou_threshold)


def build_few_detections(
    boxes: Sequence[Sequence[float]],
    scores: Sequence[float],
    class_ids: Sequence[float],
    fit: Fit,
    *,
    iou_threshold: float | None,
) -> Detections:
    """Do the same with Python's numbers: arguments and errors as in `build_detections`."""
    # A sum is a number only if all of its terms are; float64 holds the sum of any float32.
    if not isfinite(sum(scores) + sum(class_ids) + sum(map(sum, boxes))):
        raise _make_number_error()
    if not scores:
        return Detections.empty()
    _check_range(max(scores), min(class_ids), max(class_ids))
    kept: list[tuple[list[float], float, int]] = []
    for index in sorted(range(len(scores)), key=scores.__getitem__, reverse=True):
        box, class_id = _clip(boxes[index], fit), round(class_ids[index])
        if not (box[2] > box[0] and box[3] > box[1]):
            continue
        if iou_threshold is not None and any(
            other_id == class_id and iou(other, box) >= iou_threshold for other, _, other_id in kept
        ):
            continue
        kept.append((box, min(scores[index], 1.0), class_id))
    if not kept:
        return Detections.empty()
    rows, values, ids = zip(*kept[:MAX_DETECTIONS], strict=True)
    return Detections(
        np.array(rows, np.float32), np.array(values, np.float32), np.array(ids, np.int32)
    )


def _clip(box: Sequence[float], fit: Fit) -> list[float]:
    """Return a box, [x1, y1, x2, y2] in tensor coordinates, normalised to the frame and clipped to 0..1."""
    x1, y1, x2, y2 = box
    if fit is not _IDENTITY and fit != _IDENTITY:
        x1, x2 = (x1 - fit.offset_x) / fit.scale_x, (x2 - fit.offset_x) / fit.scale_x
        y1, y2 = (y1 - fit.offset_y) / fit.scale_y, (y2 - fit.offset_y) / fit.scale_y
    return [0.0 if side < 0.0 else min(side, 1.0) for side in (x1, y1, x2, y2)]


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite are refused
def _build_many(
    boxes: F32, scores: F32, class_ids: NDArray[Any], fit: Fit, iou_threshold: float | None
) -> Detections:
    order = (-scores).argsort(kind="stable")
    _check_candidates(boxes, scores, class_ids, order)
    inside = _map_to_frame(boxes, fit)
    is_wide = np.asarray((inside[:, 2:] > inside[:, :2]).all(axis=1))
    if not is_wide.all():
        order = order[is_wide[order]]
    inside, ids = inside[order], _to_ids(class_ids[order])
    if iou_threshold is not None:
        kept = suppress(inside, ids, iou_threshold)
        order, inside, ids = order[kept], inside[kept], ids[kept]
    top = slice(MAX_DETECTIONS)
    return Detections(inside[top], np.minimum(scores[order], 1.0)[top], ids[top])


def _to_ids(class_ids: NDArray[Any]) -> I32:
    return (np.rint(class_ids) if class_ids.dtype.kind == "f" else class_ids).astype(np.int32)


def _map_to_frame(boxes: F32, fit: Fit) -> F32:
    """Return a copy, [x1, y1, x2, y2] normalised to the frame and clipped to 0..1."""
    if fit == _IDENTITY:
        inside = np.maximum(boxes, np.float32(0.0))
    else:
        inside = boxes - np.array([fit.offset_x, fit.offset_y] * 2, np.float32)
        inside /= np.array([fit.scale_x, fit.scale_y] * 2, np.float32)
        np.maximum(inside, np.float32(0.0), out=inside)
    np.minimum(inside, np.float32(1.0), out=inside)
    return inside


def _check_candidates(
    boxes: F32, scores: F32, class_ids: NDArray[Any], order: NDArray[np.intp]
) -> None:
    """Check at least one candidate; `order` sorts them by score: what is not a number is the last."""
    best, worst = scores[order[0]], scores[order[-1]]
    lowest, highest = class_ids.min(), class_ids.max()
    are_finite = np.isfinite(boxes).all() and np.isfinite([best, worst, lowest, highest]).all()
    if not are_finite:
        raise _make_number_error()
    _check_range(float(best), float(lowest), float(highest))


def _make_number_error() -> ModelError:
    return ModelError("the model's boxes, scores or class ids contain NaN or infinity")


def _check_range(best: float, lowest: float, highest: float) -> None:
    """Check the best score, and the lowest and the highest class id."""
    if best > _MAX_SCORE:
        raise ModelError(
            f"the model's scores reach {best:g}; expected 0 to 1: are they logits, or no scores at all?"
        )
    if not 0 <= lowest <= highest < _MAX_CLASSES:
        raise ModelError(
            f"the model's class ids range from {lowest:g} to {highest:g}; expected 0 to {_MAX_CLASSES - 1}"
        )
