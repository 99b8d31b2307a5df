"""Areas and overlaps of many boxes at once, for the processes that have numpy; `edged.scene.geometry` has those of single boxes."""

import numpy as np

from edged.types import F32


def areas(boxes: F32) -> F32:
    """Compute the areas of boxes.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the frame.

    Returns:
        (N,) float32, in fractions of the frame's area.
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou_matrix(a: F32, b: F32) -> F32:
    """Compute the intersection over union of every pair of boxes.

    Args:
        a: (N, 4) float32, [x1, y1, x2, y2] normalised to the frame.
        b: (M, 4) float32, likewise.

    Returns:
        (N, M) float32; 0 where both boxes are empty.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    overlap = sides[..., 0] * sides[..., 1]
    union = areas(a)[:, None] + areas(b)[None, :] - overlap
    return np.asarray(overlap / np.maximum(union, 1e-12), np.float32)
