"""Non-maximum suppression."""

import numpy as np
from numpy.typing import NDArray

from edged.scene.box_arrays import iou_matrix
from edged.scene.geometry import iou
from edged.types import F32, I32

FEW_BOXES = 48
"""Up to so many boxes Python's own numbers are faster than numpy, whose every call costs as much as the arithmetic of some boxes (measured)."""


def suppress(boxes: F32, class_ids: I32, iou_threshold: float) -> NDArray[np.intp]:
    """Suppress overlapping boxes of the same class, greedily.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2], best first.
        class_ids: (N,) int32.
        iou_threshold: smallest intersection over union at which the worse of two boxes is suppressed.

    Returns:
        (M,) intp: indices of the remaining boxes, best first.
    """
    if len(boxes) <= FEW_BOXES:
        return suppress_few(boxes, class_ids, iou_threshold)
    return suppress_many(boxes, class_ids, iou_threshold)


def suppress_few(boxes: F32, class_ids: I32, iou_threshold: float) -> NDArray[np.intp]:
    """Suppress pair after pair, with Python's numbers.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2], best first.
        class_ids: (N,) int32.
        iou_threshold: smallest intersection over union at which the worse of two boxes is suppressed.

    Returns:
        (M,) intp: indices of the remaining boxes, best first.
    """
    corners, ids = boxes.tolist(), class_ids.tolist()
    kept: list[int] = []
    for index, class_id in enumerate(ids):
        for better in kept:
            if ids[better] == class_id and iou(corners[better], corners[index]) >= iou_threshold:
                break
        else:
            kept.append(index)
    return np.array(kept, np.intp)


def suppress_many(boxes: F32, class_ids: I32, iou_threshold: float) -> NDArray[np.intp]:
    """Suppress by the matrix of all pairs, in float32.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2], best first.
        class_ids: (N,) int32.
        iou_threshold: smallest intersection over union at which the worse of two boxes is suppressed.

    Returns:
        (M,) intp: indices of the remaining boxes, best first.
    """
    overlaps = iou_matrix(boxes, boxes) >= iou_threshold
    overlaps &= class_ids[:, None] == class_ids
    kept = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if kept[i]:
            kept[i + 1 :] &= ~overlaps[i, i + 1 :]
    return np.flatnonzero(kept)
