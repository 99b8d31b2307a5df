"""Pairing this frame's boxes with the objects that are expected."""

import numpy as np

from edged.types import F32, I32

_OTHER_CLASS_IOU = 0.6
"""A box of another class may continue an object only where it lies so well on it: a van that is called a truck for one frame."""
_SIZE_RATIO = 2.5
"""A box whose sides differ by more from the object's is not the same object somewhere else."""
_SIGMAS = 3.0
_FARTHEST = 2.0
"""In box sizes; beyond it nearness is chance."""


def greedy(affinity: F32, least: float) -> list[tuple[int, int]]:
    """Pair rows with columns, the best affinity first, each at most once.

    Args:
        affinity: (N, M).
        least: pairs below it, or at 0 or less, are left out.
    """
    rows, columns = np.nonzero((affinity >= least) & (affinity > 0.0))
    order = np.argsort(-affinity[rows, columns], kind="stable")
    pairs: list[tuple[int, int]] = []
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            pairs.append((row, column))
    return pairs


def same_class_first(iou: F32, expected_classes: I32, classes: I32) -> F32:
    """Turn overlaps into affinities: those between classes count for less, and only if they are large.

    Args:
        iou: (N, M).
        expected_classes: (N,), the objects'.
        classes: (M,), the boxes'.
    """
    other = expected_classes[:, None] != classes[None, :]
    across = np.where(iou >= _OTHER_CLASS_IOU, iou - np.float32(_OTHER_CLASS_IOU / 2), 0.0)
    return np.asarray(np.where(other, across, iou), np.float32)


def nearness(expected: F32, spread: F32, boxes: F32) -> F32:
    """Affinity by distance, for what moved further than its own size between two frames.

    1 where centres fall together, 0 at the gate: three standard deviations of what was foretold. Distances are in units of
    the boxes' geometric mean side.

    Args:
        expected: (N, 4), where the objects should be.
        spread: (N,), standard deviation of that, in box sizes.
        boxes: (M, 4), what was seen.

    Returns:
        (N, M), 0 for pairs that cannot be.
    """
    sides_a = np.maximum(expected[:, 2:] - expected[:, :2], 1e-6)[:, None, :]
    sides_b = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)[None, :, :]
    between = (expected[:, None, :2] + expected[:, None, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2.0
    size = np.sqrt(np.sqrt(np.prod(sides_a, axis=2) * np.prod(sides_b, axis=2)))
    distance = np.sqrt(np.sum(between * between, axis=2)) / size
    gate = np.minimum(_SIGMAS * spread, _FARTHEST)[:, None]
    alike = np.all(np.maximum(sides_a / sides_b, sides_b / sides_a) <= _SIZE_RATIO, axis=2)
    return np.asarray(np.where(alike, np.maximum(1.0 - distance / gate, 0.0), 0.0), np.float32)
