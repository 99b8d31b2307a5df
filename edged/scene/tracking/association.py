"""Pairs of this frame's boxes and the expected objects."""

import math
from collections.abc import Sequence

from edged.scene.geometry import iou
from edged.scene.tracking.frame_boxes import NO_CLASS, FrameBoxes
from edged.scene.tracking.history import TrackHistory
from edged.types import Box

_MIN_CROSS_CLASS_IOU = 0.6
"""Overlap from which a box of another class may continue an object: a van that is classified as a truck for one frame."""
_MAX_SIZE_RATIO = 2.5
"""Ratio of sides above which a box cannot be the same object at another place."""
_MIN_RESTING_IOU = 0.5
_RESTING_HANDICAP = 0.3
_MISSED_PENALTY = 0.15
"""How much better a box must overlap an object that the last frame did not have: its place is less certain, and others pass there."""
_GATE_SIGMAS = 4.0
_MAX_DISTANCE = 1.2
"""In box sizes; a match at a greater distance would be chance."""
_MIN_SIDE = 1e-6
"""The side of a box without width or height, in fractions of the frame."""

Pair = tuple[float, int, int]
"""The affinity of an object and a box, negative so that the best sorts first; the object's row; the box's column."""


class Matching:
    """A one-to-one assignment of objects (rows) to boxes (columns); either may be left without a partner.

    It is greedy: on simulated streets an optimal assignment was no better (docs/adr/0005-tracker.md).

    Attributes:
        columns: the column of each row that has one.
        rows: the row of each column that has one.
    """

    def __init__(self, frame: FrameBoxes, min_iou: float) -> None:
        """Begin without pairs.

        Args:
            frame: the boxes.
            min_iou: `TrackSettings.min_match_iou`.
        """
        self.columns: dict[int, int] = {}
        self.rows: dict[int, int] = {}
        self._frame = frame
        self._min_iou = min_iou
        # Neither limit may reach 1, which no box does.
        strictest = (1.0 + min_iou) / 2.0
        self._min_missed_iou = min(min_iou + _MISSED_PENALTY, strictest)
        # A weak box may be part of another object: it must overlap twice as well.
        self._min_weak_iou = min(2.0 * min_iou, strictest)
        self._strong_pairs: list[Pair] = []
        self._weak_pairs: list[Pair] = []

    def add_object(
        self,
        row: int,
        history: TrackHistory,
        box: Box,
        *,
        was_seen: bool = True,
        is_resting: bool = False,
        needs_listed: bool = False,
    ) -> None:
        """Find the boxes that overlap an object.

        Args:
            row: the object's row.
            history: the object.
            box: where it should be, [x1, y1, x2, y2] normalised to the frame.
            was_seen: whether the last frame had a detection of it.
            is_resting: whether it is at rest and has not been detected for some time: a box at its place belongs to it, unless it
                fits one that was detected just before, as a passing car, clearly better.
            needs_listed: whether only boxes of listed labels may continue it.
        """
        left, top, right, bottom = box
        size = (right - left) * (bottom - top)
        expected_class = history.class_id
        min_iou = self._min_iou if was_seen else self._min_missed_iou
        if is_resting:
            expected_class, min_iou = NO_CLASS - 1, _MIN_RESTING_IOU
        for x1, y1, x2, y2, column, strong_class in self._frame.find_between(left, right):
            if x2 <= left or y2 <= top or y1 >= bottom:
                continue
            common = ((right if right < x2 else x2) - (left if left > x1 else x1)) * (
                (bottom if bottom < y2 else y2) - (top if top > y1 else y1)
            )
            if common <= 0.0:  # a box without width or height
                continue
            overlap = common / (size + (x2 - x1) * (y2 - y1) - common)
            if overlap < min_iou:
                continue
            if strong_class == expected_class:
                self._strong_pairs.append((-overlap, row, column))
            else:
                affinity = overlap - _RESTING_HANDICAP if is_resting else overlap
                self._add_pair(row, history, column, affinity, needs_listed=needs_listed)

    def _add_pair(
        self, row: int, history: TrackHistory, column: int, affinity: float, *, needs_listed: bool
    ) -> None:
        """Add a pair if the classes, the score and the list of labels allow it."""
        frame = self._frame
        is_listed = frame.is_listed[column]
        if frame.detections[column].class_id != history.class_id:
            # An overlap between classes counts for less, and only if it is large.
            if affinity < _MIN_CROSS_CLASS_IOU:
                return
            affinity -= _MIN_CROSS_CLASS_IOU / 2.0
        if affinity < self._min_iou or (needs_listed and not is_listed):
            return
        if frame.is_strong[column]:
            self._strong_pairs.append((-affinity, row, column))
        # Unlisted boxes have another class, for which there is a limit of its own.
        elif history.is_confirmed and (not is_listed or affinity >= self._min_weak_iou):
            self._weak_pairs.append((-affinity, row, column))

    @property
    def is_complete(self) -> bool:
        """True if every box has an object."""
        return len(self.rows) == len(self._frame.detections)

    def join_overlapping(self) -> None:
        """Join the objects that were added with boxes: first strong ones, then weak ones; the best overlaps first."""
        self._join(self._strong_pairs)
        self._join(self._weak_pairs)

    def join_stopped(self, histories: Sequence[TrackHistory], rows: Sequence[int]) -> None:
        """Join objects that stopped abruptly with strong boxes by overlap with their last boxes."""
        pairs = []
        for row in rows:
            last = histories[row].box
            for column in self._find_free(last[0], last[2], histories[row].class_id):
                overlap = iou(last, self._frame.detections[column].box)
                if overlap > 0.0 and overlap >= self._min_iou:
                    pairs.append((-overlap, row, column))
        self._join(pairs)

    def join_distant(
        self, histories: Sequence[TrackHistory], rows: Sequence[int], expected: Sequence[Box]
    ) -> None:
        """Join objects that moved further than their size with strong boxes by distance."""
        pairs = []
        for row in rows:
            if row in self.columns:
                continue
            box = expected[row]
            gate = min(_GATE_SIGMAS * histories[row].filter.spread, _MAX_DISTANCE)
            width, height = _measure_sides(box)
            centre = (box[0] + box[2]) / 2.0
            reach = gate * math.sqrt(_MAX_SIZE_RATIO * width * height)
            for column in self._find_free(centre - reach, centre + reach, histories[row].class_id):
                affinity = distance_affinity(box, self._frame.detections[column].box, gate=gate)
                if affinity > 0.0:
                    pairs.append((-affinity, row, column))
        self._join(pairs)

    def _find_free(self, left: float, right: float, class_id: int) -> list[int]:
        """Return the strong boxes of a class that can reach into a range of x, and have no object yet."""
        return [
            column
            for *_, column, strong_class in self._frame.find_between(left, right)
            if strong_class == class_id and column not in self.rows
        ]

    def _join(self, pairs: list[Pair]) -> None:
        """Join the pairs whose row and column are both free, the best first."""
        pairs.sort()
        columns, rows = self.columns, self.rows
        for _, row, column in pairs:
            if row not in columns and column not in rows:
                columns[row] = column
                rows[column] = row


def distance_affinity(expected: Box, box: Box, *, gate: float) -> float:
    """Compute an affinity by distance, for an object that moved further than its own size between two frames.

    It is 1 where the centres coincide, and 0 at the gate. Distances are in units of the boxes' geometric mean side.

    Args:
        expected: where the object should be, [x1, y1, x2, y2] normalised to the frame.
        box: the detected box, likewise.
        gate: the greatest possible distance.

    Returns:
        0.0 to 1.0; 0.0 for an impossible pair.
    """
    width_a, height_a = _measure_sides(expected)
    width_b, height_b = _measure_sides(box)
    if not (
        width_a <= _MAX_SIZE_RATIO * width_b
        and width_b <= _MAX_SIZE_RATIO * width_a
        and height_a <= _MAX_SIZE_RATIO * height_b
        and height_b <= _MAX_SIZE_RATIO * height_a
    ):
        return 0.0
    x = (expected[0] + expected[2] - box[0] - box[2]) / 2.0
    y = (expected[1] + expected[3] - box[1] - box[3]) / 2.0
    size = math.sqrt(math.sqrt(width_a * height_a * width_b * height_b))
    return max(1.0 - math.hypot(x, y) / size / gate, 0.0)


def _measure_sides(box: Box) -> tuple[float, float]:
    return max(box[2] - box[0], _MIN_SIDE), max(box[3] - box[1], _MIN_SIDE)
