"""The tracker: detections become tracks, frame by frame.

Each frame's boxes are paired with the known objects in four rounds: strong boxes by overlap with an object's predicted box; weak
boxes and those of labels that are not listed, which must overlap better, with the remaining confirmed objects; strong boxes by overlap with an object's last box, for
objects that stop abruptly; and strong boxes by distance, for objects that move further than their size between two frames. A
remaining strong box begins an unconfirmed track, which is confirmed after `min_hits` detections over `min_s`. An object ends when it is not
detected in a frame `lost_s` or more after its last detection; `stationary_lost_s` if its class may rest, and it is where one ended that had
never moved. All times are the frames' capture times, so that a slow replay and a live camera of any frame rate give the same tracks.
"""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.config.settings import TrackSettings
from edged.scene.geometry import areas, iou_matrix
from edged.scene.tracking import association
from edged.scene.tracking.duplicates import is_duplicate
from edged.scene.tracking.history import TrackHistory
from edged.scene.tracking.kalman import BoxKalmanFilters, Forecast
from edged.scene.tracking.resting_places import RestingPlaces
from edged.scene.tracking.track import Track, TrackUpdate
from edged.types import F32, Detections

MAX_TRACKS = 256
"""Limit of all tracks: more are noise, and the oldest unconfirmed ones are dropped."""
_MAX_UNLISTED_S = 10.0
"""How long boxes of labels that are not listed continue an object: someone rises from a chair, and the chair stays."""

BoolArray = NDArray[np.bool_]


class Tracker:
    """The objects of one camera.

    Args:
        settings: ``[track]``.
        ids: source of new ids; share one iterator to make them unique over several cameras.
        may_rest: whether objects of a class id stay at one place for long; all by default.
    """

    def __init__(
        self,
        settings: TrackSettings,
        *,
        ids: Iterator[int] | None = None,
        may_rest: Callable[[int], bool] = lambda _class_id: True,
    ) -> None:
        self._settings = settings
        self._ids = ids if ids is not None else count(1)
        self._lost_timeout_ns = int(settings.lost_s * NS_PER_S)
        self._resting_timeout_ns = int(max(settings.lost_s, settings.stationary_lost_s) * NS_PER_S)
        self._min_duration_ns = int(settings.min_s * NS_PER_S)
        self._histories: list[TrackHistory] = []
        self._may_rest = may_rest
        self._resting_places = RestingPlaces(may_rest)
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
        self._resting_places = RestingPlaces(self._may_rest)
        self._filters = BoxKalmanFilters()

    def _make_tracks(self, *, confirmed: bool) -> tuple[Track, ...]:
        return tuple(
            history.make_track() for history in self._histories if history.is_confirmed is confirmed
        )

    def _match(
        self, forecast: Forecast, detections: Detections, strong: BoolArray, listed: BoolArray
    ) -> dict[int, int]:
        """Pair objects and detections in four rounds; return the index of a detection by the row of its object."""
        matching = association.Matching()
        if not self._histories or not len(detections):
            return matching.pairs
        classes = np.array([history.class_id for history in self._histories], np.int32)
        boxes, box_classes = detections.boxes, detections.class_ids
        overlaps = iou_matrix(forecast.boxes, boxes)
        last = np.array([history.box for history in self._histories], np.float32)
        resting = self._select_rows(lambda h: self._is_dormant(h, forecast.at_ns))
        overlaps[resting] = iou_matrix(last[resting], boxes)
        affinity = association.class_affinity(overlaps, classes, box_classes)
        affinity[resting] = association.resting_affinity(overlaps[resting], affinity[resting])
        oldest_ns = forecast.at_ns - int(_MAX_UNLISTED_S * NS_PER_S)
        unlisted = self._select_rows(lambda h: h.listed_ns < oldest_ns)
        affinity[unlisted] = np.where(listed, affinity[unlisted], 0.0)
        is_strong: list[bool] = strong.tolist()
        min_iou = self._settings.min_match_iou
        # A weak box may be part of another object: it must overlap twice as well.
        min_weak_iou = min(2.0 * min_iou, (1.0 + min_iou) / 2.0)
        # Unlisted boxes have another class, for which `class_affinity` has its own limit.
        min_affinity = np.where(listed, min_weak_iou, min_iou).astype(np.float32)

        def match_strong(affinity: F32, min_affinity: float) -> None:
            ranked = association.rank_pairs(affinity, min_affinity)
            matching.match_greedily(pair for pair in ranked if is_strong[pair[1]])

        match_strong(affinity, min_iou)
        if not all(is_strong):
            matching.match_greedily(
                (row, column)
                for row, column in association.rank_pairs(affinity, min_affinity)
                if self._histories[row].is_confirmed and not is_strong[column]
            )
        if len(matching.pairs) < len(classes) and len(matching.columns) < len(boxes):
            stayed = iou_matrix(last, boxes)
            stayed[classes[:, None] != box_classes] = 0.0
            stayed[resting] = 0.0
            match_strong(stayed, min_iou)
            near = association.distance_affinity(forecast.boxes, forecast.spread, boxes)
            near[classes[:, None] != box_classes] = 0.0
            near[resting] = 0.0
            match_strong(near, 0.0)
        return matching.pairs

    def _select_rows(self, condition: Callable[[TrackHistory], bool]) -> list[int]:
        return [row for row, history in enumerate(self._histories) if condition(history)]

    def _timeout_ns(self, history: TrackHistory) -> int:
        return self._resting_timeout_ns if history.is_at_rest else self._lost_timeout_ns

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
            lost = history.misses > 0 and captured_ns - history.seen_ns >= self._timeout_ns(history)
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
            box, class_id = detections.boxes[index], int(detections.class_ids[index])
            if is_duplicate(box, class_id, detections.boxes[taken], detections.class_ids[taken]):
                continue
            taken.append(index)
            self._start_track(box[None], float(detections.scores[index]), class_id, captured_ns)
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
