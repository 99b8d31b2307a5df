"""Boxes and polygons in fractions of the frame. Pure functions over numpy arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.types import F32

_EDGE_TOLERANCE = 1e-6
"""Distance within which a point is on a polygon's edge, in fractions of the frame: half a thousandth of a pixel at 4K."""


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


def containment(box: F32, others: F32) -> F32:
    """Compute the share of a box's area that lies in each of the other boxes.

    Args:
        box: (4,) float32, [x1, y1, x2, y2] normalised to the frame.
        others: (N, 4) float32, likewise.

    Returns:
        (N,) float32; 0 if the box is empty.
    """
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    sides = np.maximum(high - low, 0.0)
    area = max(float((box[2] - box[0]) * (box[3] - box[1])), 1e-12)
    return np.asarray(sides[:, 0] * sides[:, 1] / area, np.float32)


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Compute the intersection over union of two boxes [x1, y1, x2, y2]; 0.0 if both are empty.

    For one pair this is faster than `iou_matrix`.
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0.0 or height <= 0.0:
        return 0.0
    overlap = width * height
    return overlap / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap)


def foot_points(boxes: F32) -> F32:
    """Compute the middle of each box's lower edge, where the object stands on the ground.

    Args:
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the frame.

    Returns:
        (N, 2) float32, [x, y] normalised to the frame.
    """
    return np.stack(((boxes[:, 0] + boxes[:, 2]) / 2.0, boxes[:, 3]), axis=1)


def is_in_polygon(points: F32, polygon: F32) -> NDArray[np.bool_]:
    """Return whether each point lies in a polygon, its edges included.

    Even-odd rule: a ray to the right crosses the edges an odd number of times. Edges count as inside because a box that
    is cut off by the frame stands exactly on the border, where polygons end too.

    Args:
        points: (N, 2) float32, [x, y] normalised to the frame.
        polygon: (M, 2) float32, its corners in order; it may be concave, and closes itself.

    Returns:
        (N,) bool.
    """
    start = np.asarray(polygon, np.float64)
    side = np.roll(start, -1, axis=0) - start
    offset = np.asarray(points, np.float64)[:, None, :] - start
    along = np.sum(offset * side, axis=2) / np.maximum(np.sum(side * side, axis=1), 1e-18)
    nearest = offset - np.clip(along, 0.0, 1.0)[..., None] * side
    on_edge = np.sum(nearest * nearest, axis=2) <= _EDGE_TOLERANCE**2
    crosses = (offset[..., 1] < 0.0) != (offset[..., 1] < side[:, 1])
    rise = np.where(side[:, 1] == 0.0, 1.0, side[:, 1])  # a level edge is never crossed
    right_of_point = offset[..., 0] < offset[..., 1] / rise * side[:, 0]
    odd = np.sum(crosses & right_of_point, axis=1) % 2 == 1
    return np.asarray(odd | on_edge.any(axis=1), np.bool_)
