"""Pairing this frame's boxes with the objects that are expected."""

from collections.abc import Iterable

import numpy as np

from edged.types import F32, I32

_MIN_CROSS_CLASS_IOU = 0.6
"""A box of another class may continue an object only where it lies so well on it: a van that is called a truck for one frame."""
_MAX_SIZE_RATIO = 2.5
"""A box whose sides differ by more from the object's is not the same object somewhere else."""
_GATE_SIGMAS = 3.0
_MAX_DISTANCE = 1.2
"""In box sizes; beyond it nearness is chance."""


class Matching:
    """Who belongs to whom: each row (an object) and each column (a detection) at most once.

    Greedy: on simulated streets an optimal assignment was no better (docs/adr/0005-tracker.md).

    Attributes:
        pairs: column by row.
        columns: those that are taken.
    """

    def __init__(self) -> None:
        self.pairs: dict[int, int] = {}
        self.columns: set[int] = set()

    def match_greedily(self, ranked_pairs: Iterable[tuple[int, int]]) -> None:
        """Join pairs, the best first, whose sides are both free."""
        for row, column in ranked_pairs:
            if row not in self.pairs and column not in self.columns:
                self.pairs[row] = column
                self.columns.add(column)


def rank_pairs(affinity: F32, min_affinity: float) -> list[tuple[int, int]]:
    """The (row, column) of every affinity that is at least `min_affinity` and above 0, the greatest first."""
    rows, columns = np.nonzero((affinity >= min_affinity) & (affinity > 0.0))
    order = np.argsort(-affinity[rows, columns], kind="stable")
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


def class_affinity(iou: F32, expected_classes: I32, classes: I32) -> F32:
    """Turn overlaps into affinities: those between classes count for less, and only if they are large.

    Args:
        iou: (N, M).
        expected_classes: (N,), the objects'.
        classes: (M,), the boxes'.
    """
    other = expected_classes[:, None] != classes
    if not other.any():
        return iou
    across = np.where(iou >= _MIN_CROSS_CLASS_IOU, iou - np.float32(_MIN_CROSS_CLASS_IOU / 2), 0.0)
    return np.where(other, across, iou).astype(np.float32)


def distance_affinity(expected: F32, spread: F32, boxes: F32) -> F32:
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
    gate = np.minimum(_GATE_SIGMAS * spread, _MAX_DISTANCE)[:, None]
    alike = np.all(np.maximum(sides_a / sides_b, sides_b / sides_a) <= _MAX_SIZE_RATIO, axis=2)
    return np.asarray(np.where(alike, np.maximum(1.0 - distance / gate, 0.0), 0.0), np.float32)
