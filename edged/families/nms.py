"""Non-maximum suppression."""

import numpy as np
from numpy.typing import NDArray

from edged.scene.geometry import iou_matrix
from edged.types import F32, I32


def suppress(boxes: F32, class_ids: I32, iou_threshold: float) -> NDArray[np.intp]:
    """Greedy suppression within each class.

    Args:
        boxes: (N, 4), best first.
        class_ids: (N,).
        iou_threshold: least intersection over union at which the worse box of the two goes.

    Returns:
        Indices of the boxes that stay, best first.
    """
    rivals = (iou_matrix(boxes, boxes) >= iou_threshold) & (
        class_ids[:, None] == class_ids[None, :]
    )
    alive = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if alive[i]:
            alive[i + 1 :] &= ~rivals[i, i + 1 :]
    return np.flatnonzero(alive)
