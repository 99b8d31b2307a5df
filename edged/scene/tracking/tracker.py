"""The tracker: detections become tracks, frame by frame.

Each frame's boxes are paired with the known objects in four rounds: strong boxes by overlap with an object's predicted box; weak
boxes, which must overlap better, with the remaining confirmed objects; strong boxes by overlap with an object's last box, for
objects that stop abruptly; and strong boxes by distance, for objects that move further than their size between two frames. A
remaining strong box begins an unconfirmed track, which is confirmed after `min_hits` detections over `min_s`. An object ends when it is not
detected in a frame `lost_s` or more after its last detection. All times are the frames' capture times, so that a slow replay and a live
camera of any frame rate give the same tracks.
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
"""Limit of all tracks: more are noise, and the oldest unconfirmed ones are dropped."""
_DUPLICATE_IOU = 0.4
"""Overlap with an object's box from which a box begins no other object of its class: detectors find some objects twice, whole and in part."""
_CROSS_CLASS_DUPLICATE_IOU = 0.8
"""The same for a box of another class: a van is not also a truck, but a rider is not the bicycle."""

BoolArray = NDArray[np.bool_]


class Tracker:
    """The objects of one camera.

    Args:
        settings: ``[track]``.
        ids: source of new ids; share one iterator to make them unique over several cameras.
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
            detections: weak and strong ones, as from `DetectionFilters.apply`.
            strong: (N,) bool, which of them may begin an object.
            captured_ns: capture time of the frame, not before that of the previous frame.
        """
        forecast = self._filters.predict(captured_ns)
        pairs = self._match(forecast, detections, strong)
        self._update_matched(forecast, pairs, detections)
        ended = self._remove_lost(captured_ns)
        self._start_tracks(detections, strong, list(pairs.values()), captured_ns)
        return TrackUpdate(
            tracks=self._make_tracks(confirmed=True),
            unconfirmed_tracks=self._make_tracks(confirmed=False),
            ended=ended,
        )

    def clear(self) -> None:
        """Forget every object."""
        self._histories = []
        self._filters = BoxKalmanFilters()

    def _make_tracks(self, *, confirmed: bool) -> tuple[Track, ...]:
        return tuple(
            history.make_track() for history in self._histories if history.is_confirmed is confirmed
        )

    def _match(
        self, forecast: Forecast, detections: Detections, strong: BoolArray
    ) -> dict[int, int]:
        """Pair objects and detections in four rounds; return the index of a detection by the row of its object."""
        matching = Matching()
        if not self._histories or not len(detections):
            return matching.pairs
        classes = np.array([history.class_id for history in self._histories], np.int32)
        boxes, box_classes = detections.boxes, detections.class_ids
        affinity = class_affinity(iou_matrix(forecast.boxes, boxes), classes, box_classes)
        is_strong: list[bool] = strong.tolist()
        min_iou = self._settings.min_match_iou
        # A weak box may be part of another object: it must overlap twice as well.
        min_weak_iou = min(2.0 * min_iou, (1.0 + min_iou) / 2.0)

        def match_strong(affinity: F32, min_affinity: float) -> None:
            ranked = rank_pairs(affinity, min_affinity)
            matching.match_greedily(pair for pair in ranked if is_strong[pair[1]])

        match_strong(affinity, min_iou)
        if not all(is_strong):
            matching.match_greedily(
                (row, column)
                for row, column in rank_pairs(affinity, min_weak_iou)
                if self._histories[row].is_confirmed and not is_strong[column]
            )
        if len(matching.pairs) < len(classes) and len(matching.columns) < len(boxes):
            last = np.array([history.box for history in self._histories], np.float32)
            stayed = iou_matrix(last, boxes)
            stayed[classes[:, None] != box_classes] = 0.0
            match_strong(stayed, min_iou)
            near = distance_affinity(forecast.boxes, forecast.spread, boxes)
            near[classes[:, None] != box_classes] = 0.0
            match_strong(near, 0.0)
        return matching.pairs

    def _update_matched(
        self, forecast: Forecast, pairs: dict[int, int], detections: Detections
    ) -> None:
        for history in self._histories:
            history.misses += 1
        if not pairs:
            return
        columns = np.fromiter(pairs.values(), np.intp, len(pairs))
        seen = detections[columns]
        for row, box, score, class_id in zip(
            pairs, seen.boxes.tolist(), seen.scores.tolist(), seen.class_ids.tolist(), strict=True
        ):
            history = self._histories[row]
            history.record_hit(
                box=tuple(box), score=score, class_id=class_id, now_ns=forecast.at_ns
            )
            history.is_confirmed |= self._is_confirmable(history)
        rows = np.fromiter(pairs, np.intp, len(pairs))
        self._filters.correct(forecast, rows, seen.boxes)

    def _remove_lost(self, captured_ns: int) -> tuple[Track, ...]:
        """End lost objects, and drop unconfirmed tracks that have missed more frames than they were detected in."""
        kept: list[int] = []
        ended: list[Track] = []
        for row, history in enumerate(self._histories):
            lost = history.misses > 0 and captured_ns - history.seen_ns >= self._lost_timeout_ns
            if history.is_confirmed and lost:
                ended.append(history.make_track())
            elif history.is_confirmed or not (lost or history.misses > history.hits):
                kept.append(row)
        self._keep(kept)
        return tuple(ended)

    def _start_tracks(
        self, detections: Detections, strong: BoolArray, taken: list[int], captured_ns: int
    ) -> None:
        """Begin a track with each remaining strong box that does not lie on the box of an object."""
        unmatched = set(np.flatnonzero(strong).tolist()).difference(taken)
        for index in sorted(unmatched):
            box, class_id = detections.boxes[index : index + 1], detections.class_ids[index]
            is_same_class = detections.class_ids[taken] == class_id
            overlaps = iou_matrix(box, detections.boxes[taken])[0]
            if np.any(
                overlaps >= np.where(is_same_class, _DUPLICATE_IOU, _CROSS_CLASS_DUPLICATE_IOU)
            ):
                continue
            taken.append(index)
            self._start_track(box, float(detections.scores[index]), int(class_id), captured_ns)
        self._make_room()

    def _start_track(self, box: F32, score: float, class_id: int, captured_ns: int) -> None:
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
            unconfirmed = [i for i, h in enumerate(self._histories) if not h.is_confirmed]
            dropped = set(unconfirmed[:excess])
            self._keep([i for i in range(len(self._histories)) if i not in dropped])

    def _keep(self, rows: list[int]) -> None:
        if len(rows) < len(self._histories):
            self._histories = [self._histories[row] for row in rows]
            self._filters.keep(np.array(rows, np.intp))
