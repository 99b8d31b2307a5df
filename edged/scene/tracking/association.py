"""Pairs of this frame's boxes and the expected objects."""

from collections.abc import Iterable

import numpy as np

from edged.types import F32, I32

_MIN_CROSS_CLASS_IOU = 0.6
"""Overlap from which a box of another class may continue an object: a van that is classified as a truck for one frame."""
_MAX_SIZE_RATIO = 2.5
"""Ratio of sides above which a box cannot be the same object at another place."""
_MIN_RESTING_IOU = 0.5
_RESTING_HANDICAP = np.float32(0.3)
_GATE_SIGMAS = 3.0
_MAX_DISTANCE = 1.2
"""In box sizes; a match at a greater distance would be chance."""


class Matching:
    """A one-to-one assignment of rows (objects) to columns (detections); either may be left without a partner.

    It is greedy: on simulated streets an optimal assignment was no better (docs/adr/0005-tracker.md).

    Attributes:
        pairs: column by row.
        columns: the columns that are taken.
    """

    def __init__(self) -> None:
        self.pairs: dict[int, int] = {}
        self.columns: set[int] = set()

    def match_greedily(self, ranked_pairs: Iterable[tuple[int, int]]) -> None:
        """Join the pairs whose row and column are both free, the best first."""
        for row, column in ranked_pairs:
            if row not in self.pairs and column not in self.columns:
                self.pairs[row] = column
                self.columns.add(column)


def rank_pairs(affinity: F32, min_affinity: float | F32) -> list[tuple[int, int]]:
    """Return the (row, column) of every affinity that is at least `min_affinity` and above 0, the greatest first.

    Args:
        affinity: (N, M) float32.
        min_affinity: lower limit, included; one, or (M,) float32.
    """
    rows, columns = np.nonzero((affinity >= min_affinity) & (affinity > 0.0))
    order = np.argsort(-affinity[rows, columns], kind="stable")
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


def class_affinity(iou: F32, expected_classes: I32, classes: I32) -> F32:
    """Turn overlaps into affinities: an overlap between classes counts for less, and only if it is large.

    Args:
        iou: (N, M) float32, overlap of each object and each box.
        expected_classes: (N,) int32, classes of the objects.
        classes: (M,) int32, classes of the boxes.

    Returns:
        (N, M) float32.
    """
    differs = expected_classes[:, None] != classes
    if not differs.any():
        return iou
    across = np.where(iou >= _MIN_CROSS_CLASS_IOU, iou - np.float32(_MIN_CROSS_CLASS_IOU / 2), 0.0)
    return np.where(differs, across, iou).astype(np.float32)


def resting_affinity(overlaps: F32, affinity: F32) -> F32:
    """Compute the affinities of objects at rest that have not been detected for some time.

    A box at the same place belongs to such an object, unless it fits one that was detected just before, as a passing car, clearly better.

    Args:
        overlaps: (N, M) float32, overlap of each object's last box and each box.
        affinity: (N, M) float32, the same with the classes taken into account, as from `class_affinity`.

    Returns:
        (N, M) float32.
    """
    is_near = overlaps >= _MIN_RESTING_IOU
    return np.where(is_near, affinity - _RESTING_HANDICAP, 0.0).astype(np.float32)


def distance_affinity(expected: F32, spread: F32, boxes: F32) -> F32:
    """Compute affinities by distance, for objects that moved further than their own size between two frames.

    An affinity is 1 where the centres coincide, and 0 at the gate, which is three standard deviations of the forecast. Distances are in
    units of the boxes' geometric mean side.

    Args:
        expected: (N, 4) float32, where the objects should be, [x1, y1, x2, y2] normalised to the frame.
        spread: (N,) float32, standard deviation of that, in box sizes.
        boxes: (M, 4) float32, the detected boxes, likewise normalised.

    Returns:
        (N, M) float32; 0 for impossible pairs.
    """
    sides_a = np.maximum(expected[:, 2:] - expected[:, :2], 1e-6)[:, None, :]
    sides_b = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)[None, :, :]
    between = (expected[:, None, :2] + expected[:, None, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2.0
    size = np.sqrt(np.sqrt(np.prod(sides_a, axis=2) * np.prod(sides_b, axis=2)))
    distance = np.sqrt(np.sum(between * between, axis=2)) / size
    gate = np.minimum(_GATE_SIGMAS * spread, _MAX_DISTANCE)[:, None]
    alike = np.all(np.maximum(sides_a / sides_b, sides_b / sides_a) <= _MAX_SIZE_RATIO, axis=2)
    return np.asarray(np.where(alike, np.maximum(1.0 - distance / gate, 0.0), 0.0), np.float32)
