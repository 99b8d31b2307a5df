"""Detections to tracks, frame by frame.

Each frame's boxes are paired with the known objects in three rounds: strong boxes by overlap with where an object is
expected; weak ones likewise with believed objects that are left; and strong ones by distance, for what moves further than its size
between two frames. A strong box that is left begins a candidate, which is believed after `min_hits` of them. An object ends
when it is looked for and not found `lost_s` after it was last seen. All times are the frames' captured times, so a slow
replay and a live camera of any frame rate give the same tracks.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.config.settings import TrackSettings
from edged.geometry import iou_matrix
from edged.tracking.association import greedy, nearness, same_class_first
from edged.tracking.history import History
from edged.tracking.kalman import BoxFilters
from edged.tracking.track import Track, TrackUpdate
from edged.types import F32, Detections

MAX_TRACKS = 256
"""More are noise: the oldest candidates give way."""
_DUPLICATE_IOU = 0.8
"""A box that lies so on an object's does not begin another: the same thing under a second label."""

Flags = NDArray[np.bool_]


class Tracker:
    """The objects of one camera.

    Args:
        settings: ``[track]``.
        ids: where new ids come from; share one iterator to make them unique over several cameras.
    """

    def __init__(self, settings: TrackSettings, *, ids: Iterator[int] | None = None) -> None:
        self._settings = settings
        self._ids = ids if ids is not None else count(1)
        self._lost_ns = int(settings.lost_s * NS_PER_S)
        self._histories: list[History] = []
        self._filters = BoxFilters()

    def update(self, detections: Detections, strong: Flags, captured_ns: int) -> TrackUpdate:
        """Take in one frame.

        Args:
            detections: weak and strong ones, as `Filters.apply` leaves them.
            strong: (N,) which of them may begin an object.
            captured_ns: of the frame, not before the last one's.
        """
        pairs = self._pair(detections, strong, captured_ns)
        self._see(pairs, detections, captured_ns)
        ended = self._drop(captured_ns)
        taken = np.zeros(len(detections), np.bool_)
        taken[[column for _, column in pairs]] = True
        self._begin(detections, strong & ~taken, taken, captured_ns)
        return TrackUpdate(
            tracks=tuple(history.track() for history in self._histories if history.confirmed),
            candidates=tuple(
                history.track() for history in self._histories if not history.confirmed
            ),
            ended=ended,
        )

    def clear(self) -> None:
        """Forget every object."""
        self._histories = []
        self._filters = BoxFilters()

    def _pair(
        self, detections: Detections, strong: Flags, captured_ns: int
    ) -> list[tuple[int, int]]:
        """The three rounds. Returns (row of an object, index of a detection)."""
        if not self._histories or not len(detections):
            return []
        expected, spread = self._filters.predict(captured_ns)
        classes = np.array([history.class_id for history in self._histories], np.int32)
        confirmed = np.array([history.confirmed for history in self._histories], np.bool_)
        overlap = same_class_first(
            iou_matrix(expected, detections.boxes), classes, detections.class_ids
        )
        rounds = _Rounds(len(classes), len(detections))
        rounds.run(overlap, rows=None, columns=strong, least=self._settings.match_iou)
        rounds.run(overlap, rows=confirmed, columns=~strong, least=self._settings.match_iou)
        if rounds.left(strong):
            near = nearness(expected, spread, detections.boxes)
            near[classes[:, None] != detections.class_ids[None, :]] = 0.0
            rounds.run(near, rows=None, columns=strong, least=0.0)
        return rounds.pairs

    def _see(self, pairs: list[tuple[int, int]], detections: Detections, captured_ns: int) -> None:
        for history in self._histories:
            history.misses += 1
        boxes = detections.boxes.tolist()
        for row, column in pairs:
            history = self._histories[row]
            history.hit(
                box=tuple(boxes[column]),
                score=float(detections.scores[column]),
                class_id=int(detections.class_ids[column]),
                now_ns=captured_ns,
            )
            history.confirmed |= history.hits >= self._settings.min_hits
        if pairs:
            rows, columns = np.array(pairs, np.intp).T
            self._filters.correct(rows, detections.boxes[columns], captured_ns)

    def _drop(self, captured_ns: int) -> tuple[Track, ...]:
        """Close what is lost. A candidate is, as soon as it has missed more often than it was seen."""
        kept: list[int] = []
        ended: list[Track] = []
        for row, history in enumerate(self._histories):
            lost = history.misses > 0 and captured_ns - history.seen_ns >= self._lost_ns
            if history.confirmed and lost:
                ended.append(history.track())
            elif history.confirmed or not (lost or history.misses > history.hits):
                kept.append(row)
        self._keep(kept)
        return tuple(ended)

    def _begin(self, detections: Detections, fresh: Flags, taken: Flags, captured_ns: int) -> None:
        """Begin a candidate with each strong box that is left, unless it lies on an object that has its box."""
        for index in np.flatnonzero(fresh).tolist():
            box = detections.boxes[index : index + 1]
            if taken.any() and iou_matrix(box, detections.boxes[taken]).max() >= _DUPLICATE_IOU:
                continue
            taken[index] = True
            self._add(
                box, float(detections.scores[index]), int(detections.class_ids[index]), captured_ns
            )
        self._make_room()

    def _add(self, box: F32, score: float, class_id: int, captured_ns: int) -> None:
        history = History(
            next(self._ids),
            box=tuple(box[0].tolist()),
            score=score,
            class_id=class_id,
            now_ns=captured_ns,
            stationary_s=self._settings.stationary_s,
        )
        history.confirmed = self._settings.min_hits == 1
        self._histories.append(history)
        self._filters.add(box, captured_ns)

    def _make_room(self) -> None:
        excess = len(self._histories) - MAX_TRACKS
        if excess > 0:
            candidates = [i for i, h in enumerate(self._histories) if not h.confirmed]
            gone = set(candidates[:excess])
            self._keep([i for i in range(len(self._histories)) if i not in gone])

    def _keep(self, rows: list[int]) -> None:
        if len(rows) < len(self._histories):
            self._histories = [self._histories[row] for row in rows]
            self._filters.keep(np.array(rows, np.intp))


class _Rounds:
    """Pairs made so far, and who is left."""

    def __init__(self, rows: int, columns: int) -> None:
        self.pairs: list[tuple[int, int]] = []
        self._rows = np.ones(rows, np.bool_)
        self._columns = np.ones(columns, np.bool_)

    def left(self, columns: Flags) -> bool:
        """Whether some row and one of `columns` have no partner."""
        return bool(self._rows.any() and (self._columns & columns).any())

    def run(self, affinity: F32, *, rows: Flags | None, columns: Flags, least: float) -> None:
        """Pair those that are left, among `rows` (all if None) and `columns`."""
        open_rows = self._rows if rows is None else self._rows & rows
        allowed = open_rows[:, None] & (self._columns & columns)[None, :]
        for row, column in greedy(np.where(allowed, affinity, np.float32(0.0)), least):
            self.pairs.append((row, column))
            self._rows[row] = False
            self._columns[column] = False
