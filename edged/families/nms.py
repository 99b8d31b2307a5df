"""Non-maximum suppression."""

import numpy as np
from numpy.typing import NDArray

from edged.scene.box_arrays import iou_matrix
from edged.types import F32, I32


def suppress(boxes: F32, class_ids: I32, iou_threshold: float) -> NDArray[np.intp]:
    """Suppress overlapping boxes of the same class, greedily.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2], best first.
        class_ids: (N,) int32.
        iou_threshold: smallest intersection over union at which the worse of two boxes is suppressed.

    Returns:
        (M,) intp: indices of the remaining boxes, best first.
    """
    overlaps = (iou_matrix(boxes, boxes) >= iou_threshold) & (
        class_ids[:, None] == class_ids[None, :]
    )
    kept = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if kept[i]:
            kept[i + 1 :] &= ~overlaps[i, i + 1 :]
    return np.flatnonzero(kept)
