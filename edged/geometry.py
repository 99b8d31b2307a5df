"""Boxes and polygons, in fractions of the frame. Pure functions over numpy arrays."""

import numpy as np

from edged.types import F32


def areas(boxes: F32) -> F32:
    """(N, 4) boxes -> (N,) areas, in fractions of the frame's area."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou_matrix(a: F32, b: F32) -> F32:
    """Intersection over union of every pair: (N, 4) and (M, 4) -> (N, M); 0 where both are empty."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    overlap = sides[..., 0] * sides[..., 1]
    union = areas(a)[:, None] + areas(b)[None, :] - overlap
    return np.asarray(overlap / np.maximum(union, 1e-12), np.float32)
