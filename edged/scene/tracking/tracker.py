"""Detections to tracks, frame by frame.

Each frame's boxes are paired with the known objects in four rounds: strong boxes by overlap with where an object is
expected; weak ones, which must overlap better, with believed objects that are left; strong ones by overlap with where an object was last
seen, for what stops all at once; and strong ones by distance, for what moves further than its size between two frames. A strong box that is left begins a candidate, which is believed after `min_hits` of them and `min_s`. An object ends
when it is looked for and not found `lost_s` after it was last seen. All times are the frames' captured times, so a slow
replay and a live camera of any frame rate give the same tracks.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.config.settings import TrackSettings
from edged.scene.geometry import iou_matrix
from edged.scene.tracking.association import Matching, class_affinity, distance_affinity, rank_pairs
from edged.scene.tracking.history import TrackHistory
from edged.scene.tracking.kalman import BoxKalmanFilters, Forecast
from edged.scene.tracking.track import Track, TrackUpdate
from edged.types import F32, Detections

MAX_TRACKS = 256
"""More are noise: the oldest candidates give way."""
_DUPLICATE_IOU = 0.4
"""A box that lies so on an object's does not begin another of its class: detectors find some things twice, whole and in part."""
_CROSS_CLASS_DUPLICATE_IOU = 0.8
"""The same for a box of another class: one van is not also a truck, but a rider is not the bicycle."""

BoolArray = NDArray[np.bool_]


class Tracker:
    """The objects of one camera.

    Args:
        settings: ``[track]``.
        ids: where new ids come from; share one iterator to make them unique over several cameras.
    """

    def __init__(self, settings: TrackSettings, *, ids: Iterator[int] | None = None) -> None:
        self._settings = settings
        self._ids = ids if ids is not None else count(1)
        self._lost_timeout_ns = int(settings.lost_s * NS_PER_S)
        self._min_duration_ns = int(settings.min_s * NS_PER_S)
        self._histories: list[TrackHistory] = []
        self._filters = BoxKalmanFilters()

    def update(self, detections: Detections, strong: BoolArray, captured_ns: int) -> TrackUpdate:
        """Take in one frame.

        Args:
            detections: weak and strong ones, as `DetectionFilters.apply` leaves them.
            strong: (N,) which of them may begin an object.
            captured_ns: of the frame, not before the last one's.
        """
        forecast = self._filters.predict(captured_ns)
        pairs = self._match(forecast, detections, strong)
        self._update_matched(forecast, pairs, detections)
        ended = self._remove_lost(captured_ns)
        self._start_candidates(detections, strong, list(pairs.values()), captured_ns)
        return TrackUpdate(
            tracks=tuple(known.make_track() for known in self._histories if known.is_confirmed),
            candidates=tuple(
                known.make_track() for known in self._histories if not known.is_confirmed
            ),
            ended=ended,
        )

    def clear(self) -> None:
        """Forget every object."""
        self._histories = []
        self._filters = BoxKalmanFilters()

    def _match(
        self, forecast: Forecast, detections: Detections, strong: BoolArray
    ) -> dict[int, int]:
        """The four rounds. Returns the index of a detection by the row of its object."""
        matching = Matching()
        if not self._histories or not len(detections):
            return matching.pairs
        classes = np.array([known.class_id for known in self._histories], np.int32)
        boxes, box_classes = detections.boxes, detections.class_ids
        affinity = class_affinity(iou_matrix(forecast.boxes, boxes), classes, box_classes)
        may_begin: list[bool] = strong.tolist()
        least = self._settings.min_match_iou
        # A weak box may well be a piece of somebody else: it must overlap twice as well.
        least_weak = min(2.0 * least, (1.0 + least) / 2.0)
        matching.match_greedily(pair for pair in rank_pairs(affinity, least) if may_begin[pair[1]])
        if not all(may_begin):
            matching.match_greedily(
                (row, column)
                for row, column in rank_pairs(affinity, least_weak)
                if self._histories[row].is_confirmed and not may_begin[column]
            )
        if len(matching.pairs) < len(classes) and len(matching.columns) < len(boxes):
            last = np.array([known.box for known in self._histories], np.float32)
            stayed = iou_matrix(last, boxes)
            stayed[classes[:, None] != box_classes] = 0.0
            matching.match_greedily(
                pair for pair in rank_pairs(stayed, least) if may_begin[pair[1]]
            )
            near = distance_affinity(forecast.boxes, forecast.spread, boxes)
            near[classes[:, None] != box_classes] = 0.0
            matching.match_greedily(pair for pair in rank_pairs(near, 0.0) if may_begin[pair[1]])
        return matching.pairs

    def _update_matched(
        self, forecast: Forecast, pairs: dict[int, int], detections: Detections
    ) -> None:
        for known in self._histories:
            known.misses += 1
        if not pairs:
            return
        columns = np.fromiter(pairs.values(), np.intp, len(pairs))
        seen = detections[columns]
        for row, box, score, class_id in zip(
            pairs, seen.boxes.tolist(), seen.scores.tolist(), seen.class_ids.tolist(), strict=True
        ):
            known = self._histories[row]
            known.record_hit(box=tuple(box), score=score, class_id=class_id, now_ns=forecast.at_ns)
            known.is_confirmed |= self._is_confirmable(known)
        rows = np.fromiter(pairs, np.intp, len(pairs))
        self._filters.correct(forecast, rows, seen.boxes)

    def _remove_lost(self, captured_ns: int) -> tuple[Track, ...]:
        """Close what is lost. A candidate is, as soon as it has missed more often than it was seen."""
        kept: list[int] = []
        ended: list[Track] = []
        for row, known in enumerate(self._histories):
            lost = known.misses > 0 and captured_ns - known.seen_ns >= self._lost_timeout_ns
            if known.is_confirmed and lost:
                ended.append(known.make_track())
            elif known.is_confirmed or not (lost or known.misses > known.hits):
                kept.append(row)
        self._keep(kept)
        return tuple(ended)

    def _start_candidates(
        self, detections: Detections, strong: BoolArray, taken: list[int], captured_ns: int
    ) -> None:
        """Begin a candidate with each strong box that is left, unless it lies on a box that has its object."""
        fresh = set(np.flatnonzero(strong).tolist()).difference(taken)
        for index in sorted(fresh):
            box, class_id = detections.boxes[index : index + 1], detections.class_ids[index]
            same = detections.class_ids[taken] == class_id
            on_others = iou_matrix(box, detections.boxes[taken])[0]
            if np.any(on_others >= np.where(same, _DUPLICATE_IOU, _CROSS_CLASS_DUPLICATE_IOU)):
                continue
            taken.append(index)
            self._start_candidate(box, float(detections.scores[index]), int(class_id), captured_ns)
        self._make_room()

    def _start_candidate(self, box: F32, score: float, class_id: int, captured_ns: int) -> None:
        history = TrackHistory(
            next(self._ids),
            box=tuple(box[0].tolist()),
            score=score,
            class_id=class_id,
            now_ns=captured_ns,
            stationary_s=self._settings.stationary_s,
        )
        history.is_confirmed = self._is_confirmable(history)
        self._histories.append(history)
        self._filters.add(box, captured_ns)

    def _is_confirmable(self, history: TrackHistory) -> bool:
        long_enough = history.seen_ns - history.started_ns >= self._min_duration_ns
        return long_enough and history.hits >= self._settings.min_hits

    def _make_room(self) -> None:
        excess = len(self._histories) - MAX_TRACKS
        if excess > 0:
            candidates = [i for i, h in enumerate(self._histories) if not h.is_confirmed]
            gone = set(candidates[:excess])
            self._keep([i for i in range(len(self._histories)) if i not in gone])

    def _keep(self, rows: list[int]) -> None:
        if len(rows) < len(self._histories):
            self._histories = [self._histories[row] for row in rows]
            self._filters.keep(np.array(rows, np.intp))
