"""The tracker: detections become tracks, frame by frame.

Each frame's boxes are paired with the known objects in four rounds: strong boxes by overlap with an object's predicted box; weak
boxes and those of labels that are not listed, which must overlap better, with the remaining confirmed objects; strong boxes by overlap with an object's last box, for
objects that stop abruptly; and strong boxes by distance, for objects that move further than their size between two frames. A
remaining strong box begins an unconfirmed track, which is confirmed after `min_hits` detections over `min_s`. An object ends when it is not
detected in a frame `lost_s` or more after its last detection; `stationary_lost_s`
if it is where one ended before that had never moved. All times are the frames' capture times, so that a slow replay and a live
camera of any frame rate give the same tracks.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.config.settings import TrackSettings
from edged.scene.geometry import areas, containment, iou_matrix
from edged.scene.tracking.association import Matching, class_affinity, distance_affinity, rank_pairs
from edged.scene.tracking.history import TrackHistory
from edged.scene.tracking.kalman import BoxKalmanFilters, Forecast
from edged.scene.tracking.resting_places import RestingPlaces
from edged.scene.tracking.track import Track, TrackUpdate
from edged.types import F32, Detections

MAX_TRACKS = 256
"""Limit of all tracks: more are noise, and the oldest unconfirmed ones are dropped."""
_DUPLICATE_IOU = 0.4
"""Overlap with an object's box from which a box begins no other object of its class: detectors find some objects twice, whole and in part."""
_DUPLICATE_CONTAINMENT = 0.9
"""Share of its area from which a box that lies on an object's box is a part of it, whatever the overlap."""
_MIN_RESTING_IOU = 0.5
"""Overlap with the last box of an object at rest that is not detected any more: another object that passes must not take its place."""
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
        self._resting_timeout_ns = int(max(settings.lost_s, settings.stationary_lost_s) * NS_PER_S)
        self._min_duration_ns = int(settings.min_s * NS_PER_S)
        self._histories: list[TrackHistory] = []
        self._resting_places = RestingPlaces()
        self._filters = BoxKalmanFilters()

    def update(
        self,
        detections: Detections,
        strong: BoolArray,
        captured_ns: int,
        *,
        listed: BoolArray | None = None,
    ) -> TrackUpdate:
        """Take in one frame.

        Args:
            detections: weak and strong ones, as from `DetectionFilters.apply`.
            strong: (N,) bool, which of them reach their threshold.
            captured_ns: capture time of the frame, not before that of the previous frame.
            listed: (N,) bool, which of them have a listed label, the others only continue objects; None: all of them.
        """
        if listed is None:
            listed = np.ones(len(detections), np.bool_)
        forecast = self._filters.predict(captured_ns)
        pairs = self._match(forecast, detections, strong & listed, listed)
        self._update_matched(forecast, pairs, detections, listed)
        ended = self._remove_lost(captured_ns)
        self._start_tracks(detections, strong & listed, list(pairs.values()), captured_ns)
        return TrackUpdate(
            tracks=self._make_tracks(confirmed=True),
            unconfirmed_tracks=self._make_tracks(confirmed=False),
            ended=ended,
        )

    def clear(self) -> None:
        """Forget every object."""
        self._histories = []
        self._resting_places = RestingPlaces()
        self._filters = BoxKalmanFilters()

    def _make_tracks(self, *, confirmed: bool) -> tuple[Track, ...]:
        return tuple(
            history.make_track() for history in self._histories if history.is_confirmed is confirmed
        )

    def _match(
        self, forecast: Forecast, detections: Detections, strong: BoolArray, listed: BoolArray
    ) -> dict[int, int]:
        """Pair objects and detections in four rounds; return the index of a detection by the row of its object."""
        matching = Matching()
        if not self._histories or not len(detections):
            return matching.pairs
        classes = np.array([history.class_id for history in self._histories], np.int32)
        boxes, box_classes = detections.boxes, detections.class_ids
        overlaps = iou_matrix(forecast.boxes, boxes)
        resting = [
            row
            for row, history in enumerate(self._histories)
            if self._is_dormant(history, forecast.at_ns)
        ]
        if resting:
            last = np.array([self._histories[row].box for row in resting], np.float32)
            stayed = iou_matrix(last, boxes)
            overlaps[resting] = np.where(stayed >= _MIN_RESTING_IOU, stayed, 0.0)
        affinity = class_affinity(overlaps, classes, box_classes)
        is_strong: list[bool] = strong.tolist()
        min_iou = self._settings.min_match_iou
        # A weak box may be part of another object: it must overlap twice as well.
        min_weak_iou = min(2.0 * min_iou, (1.0 + min_iou) / 2.0)
        # Boxes of labels that are not listed have another class, for which `class_affinity` has its own limit.
        min_affinity = np.where(listed, np.float32(min_weak_iou), np.float32(min_iou))

        def match_strong(affinity: F32, min_affinity: float) -> None:
            ranked = rank_pairs(affinity, min_affinity)
            matching.match_greedily(pair for pair in ranked if is_strong[pair[1]])

        match_strong(affinity, min_iou)
        if not all(is_strong):
            matching.match_greedily(
                (row, column)
                for row, column in rank_pairs(affinity, min_affinity)
                if self._histories[row].is_confirmed and not is_strong[column]
            )
        if len(matching.pairs) < len(classes) and len(matching.columns) < len(boxes):
            last = np.array([history.box for history in self._histories], np.float32)
            stayed = iou_matrix(last, boxes)
            stayed[classes[:, None] != box_classes] = 0.0
            stayed[resting] = 0.0
            match_strong(stayed, min_iou)
            near = distance_affinity(forecast.boxes, forecast.spread, boxes)
            near[classes[:, None] != box_classes] = 0.0
            near[resting] = 0.0
            match_strong(near, 0.0)
        return matching.pairs

    def _is_dormant(self, history: TrackHistory, now_ns: int) -> bool:
        """Return whether an object at rest has not been detected for so long that another one would have ended."""
        return history.is_at_rest and now_ns - history.seen_ns >= self._lost_timeout_ns

    def _update_matched(
        self,
        forecast: Forecast,
        pairs: dict[int, int],
        detections: Detections,
        listed: BoolArray,
    ) -> None:
        for history in self._histories:
            history.misses += 1
        if not pairs:
            return
        columns = np.fromiter(pairs.values(), np.intp, len(pairs))
        seen = detections[columns]
        for (row, column), box, score, class_id in zip(
            pairs.items(),
            seen.boxes.tolist(),
            seen.scores.tolist(),
            seen.class_ids.tolist(),
            strict=True,
        ):
            history = self._histories[row]
            history.record_hit(
                box=tuple(box),
                score=score,
                class_id=class_id if listed[column] else None,
                now_ns=forecast.at_ns,
            )
            history.is_confirmed |= self._is_confirmable(history)
        rows = np.fromiter(pairs, np.intp, len(pairs))
        self._filters.correct(forecast, rows, seen.boxes)

    def _remove_lost(self, captured_ns: int) -> tuple[Track, ...]:
        """End lost objects, and drop unconfirmed tracks that have missed more frames than they were detected in."""
        kept: list[int] = []
        ended: list[Track] = []
        for row, history in enumerate(self._histories):
            timeout_ns = self._resting_timeout_ns if history.is_at_rest else self._lost_timeout_ns
            lost = history.misses > 0 and captured_ns - history.seen_ns >= timeout_ns
            if history.is_confirmed and lost:
                ended.append(history.make_track())
                if not history.has_moved:
                    self._resting_places.add(history.box, history.class_id, captured_ns)
            elif history.is_confirmed or not (lost or history.misses > history.hits):
                kept.append(row)
        self._keep(kept)
        return tuple(ended)

    def _start_tracks(
        self, detections: Detections, strong: BoolArray, taken: list[int], captured_ns: int
    ) -> None:
        """Begin a track with each remaining strong box that does not lie on the box of an object."""
        unmatched = set(np.flatnonzero(strong).tolist()).difference(taken)
        # The largest first: of an object that is found whole and in part, the whole begins.
        size = areas(detections.boxes)
        for index in sorted(unmatched, key=lambda index: (-size[index], index)):
            box, class_id = detections.boxes[index : index + 1], detections.class_ids[index]
            others = detections.boxes[taken]
            is_same_class = detections.class_ids[taken] == class_id
            limit = np.where(is_same_class, _DUPLICATE_IOU, _CROSS_CLASS_DUPLICATE_IOU)
            is_duplicate = iou_matrix(box, others)[0] >= limit
            is_part = is_same_class & (containment(box[0], others) >= _DUPLICATE_CONTAINMENT)
            if np.any(is_duplicate | is_part):
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
            was_at_rest=self._resting_places.take(tuple(box[0].tolist()), class_id, captured_ns),
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
