"""The tracker: detections become tracks, frame by frame.

Each frame's boxes are paired with the known objects in four rounds: strong boxes by overlap with an object's predicted box; weak
boxes and those of labels that are not listed, which must overlap better, with the remaining confirmed objects; strong boxes by overlap with the box of the last frame, for
objects that stop abruptly; and strong boxes by distance, for objects that move further than their size between two frames. A
remaining strong box begins an unconfirmed track, which is confirmed after `min_hits` detections over `min_s`. An object ends when it is not
detected in a frame `lost_s` or more after its last detection; `stationary_lost_s` if its class may rest, and it is where one ended that had
never moved. All times are the frames' capture times, so that a slow replay and a live camera of any frame rate give the same tracks.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from edged.clock import NS_PER_S
from edged.config.settings import TrackSettings
from edged.scene.geometry import area
from edged.scene.tracking.association import Matching
from edged.scene.tracking.duplicates import is_duplicate
from edged.scene.tracking.frame_boxes import FrameBoxes
from edged.scene.tracking.history import TrackHistory
from edged.scene.tracking.resting_places import RestingPlaces
from edged.scene.tracking.track import Track, TrackUpdate
from edged.types import Box, DetectedBox

MAX_TRACKS = 256
"""Limit of all tracks: more are noise, and the oldest unconfirmed ones are dropped."""
_MAX_UNLISTED_S = 10.0
"""How long boxes of labels that are not listed continue an object: someone rises from a chair, and the chair stays."""
_NOTHING = TrackUpdate()


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
        self._frame = 0

    def update(
        self,
        detections: Sequence[DetectedBox],
        strong: Sequence[bool],
        captured_ns: int,
        *,
        listed: Sequence[bool] | None = None,
    ) -> TrackUpdate:
        """Take in one frame.

        Args:
            detections: weak and strong ones, as from `DetectionFilters.apply`.
            strong: which of them reach their threshold.
            captured_ns: capture time of the frame, not before that of the previous frame.
            listed: which of them have a listed label, the others only continue objects; None: all of them.
        """
        if not detections and not self._histories:
            return _NOTHING
        self._frame += 1
        if listed is None:
            listed = [True] * len(detections)
        begins = [a and b for a, b in zip(strong, listed, strict=True)]
        boxes = FrameBoxes(detections, begins, listed)
        matching = Matching(boxes, self._settings.min_match_iou)
        if detections and self._histories:
            self._match(matching, captured_ns)
            self._record_hits(matching, boxes, captured_ns)
        ended = self._remove_lost(captured_ns)
        if len(matching.rows) < len(detections):
            self._start_tracks(boxes, set(matching.rows), captured_ns)
        return self._make_update(ended)

    def clear(self) -> None:
        """Forget every object."""
        self._histories = []
        self._resting_places = RestingPlaces(self._may_rest)

    def _make_update(self, ended: tuple[Track, ...]) -> TrackUpdate:
        confirmed: list[Track] = []
        unconfirmed: list[Track] = []
        for history in self._histories:
            (confirmed if history.is_confirmed else unconfirmed).append(history.track)
        return TrackUpdate(tuple(confirmed), tuple(unconfirmed), ended)

    def _match(self, matching: Matching, now_ns: int) -> None:
        """Pair objects and detections in four rounds."""
        oldest_listed_ns = now_ns - int(_MAX_UNLISTED_S * NS_PER_S)
        newest_unusual_ns = max(oldest_listed_ns, now_ns - self._lost_timeout_ns)
        histories = self._histories
        last_frame = self._frame - 1
        expected: list[Box] = []
        resting: set[int] = set()
        for row, history in enumerate(histories):
            box = history.filter.predict(now_ns)
            expected.append(box)
            if history.listed_ns > newest_unusual_ns and history.seen_frame == last_frame:
                matching.add_object(row, history, box)
                continue
            if is_resting := self._is_dormant(history, now_ns):
                resting.add(row)
                box = history.box
            matching.add_object(
                row,
                history,
                box,
                was_seen=history.seen_frame == last_frame,
                is_resting=is_resting,
                needs_listed=history.listed_ns < oldest_listed_ns,
            )
        matching.join_overlapping()
        if len(matching.columns) == len(histories) or matching.is_complete:
            return
        free_rows = [
            row
            for row in range(len(histories))
            if row not in matching.columns and row not in resting
        ]
        seen_rows = [row for row in free_rows if histories[row].seen_frame == last_frame]
        matching.join_stopped(histories, seen_rows)
        matching.join_distant(histories, free_rows, expected)

    def _is_dormant(self, history: TrackHistory, now_ns: int) -> bool:
        """Return whether an object at rest has not been detected for so long that another one would have ended."""
        return now_ns - history.seen_ns >= self._lost_timeout_ns and history.is_at_rest

    def _record_hits(self, matching: Matching, boxes: FrameBoxes, now_ns: int) -> None:
        for row, column in matching.columns.items():
            history = self._histories[row]
            history.record_hit(
                boxes.detections[column], now_ns, self._frame, is_listed=boxes.is_listed[column]
            )
            if not history.is_confirmed:
                history.is_confirmed = self._is_confirmable(history)

    def _remove_lost(self, now_ns: int) -> tuple[Track, ...]:
        """End lost objects, and drop unconfirmed tracks that have missed more frames than they were detected in."""
        frame = self._frame
        unseen = [history for history in self._histories if history.seen_frame != frame]
        dropped: list[TrackHistory] = []
        ended: list[Track] = []
        for history in unseen:
            history.record_miss()
            is_lost = now_ns - history.seen_ns >= self._timeout_ns(history)
            if history.is_confirmed:
                if is_lost:
                    dropped.append(history)
                    ended.append(history.track)
                    if not history.has_moved:
                        self._resting_places.add(history.box, history.class_id, now_ns)
            elif is_lost or frame - history.seen_frame > history.hits:
                dropped.append(history)
        self._drop(dropped)
        return tuple(ended)

    def _timeout_ns(self, history: TrackHistory) -> int:
        return self._resting_timeout_ns if history.is_at_rest else self._lost_timeout_ns

    def _start_tracks(self, boxes: FrameBoxes, taken: set[int], captured_ns: int) -> None:
        """Begin a track with each remaining strong box that does not lie on the box of an object."""
        detections = boxes.detections
        unmatched = [
            column
            for column, is_strong in enumerate(boxes.is_strong)
            if is_strong and column not in taken
        ]
        # The largest first: of an object that is found whole and in part, the whole begins.
        unmatched.sort(key=lambda column: (-area(detections[column].box), column))
        for column in unmatched:
            if not _is_on_object(column, boxes, taken):
                taken.add(column)
                self._start_track(detections[column], captured_ns)
        self._make_room()

    def _start_track(self, detected: DetectedBox, captured_ns: int) -> None:
        history = TrackHistory(
            next(self._ids),
            detected,
            now_ns=captured_ns,
            frame=self._frame,
            stationary_s=self._settings.stationary_s,
            was_at_rest=self._resting_places.take(detected.box, detected.class_id, captured_ns),
        )
        history.is_confirmed = self._is_confirmable(history)
        self._histories.append(history)

    def _is_confirmable(self, history: TrackHistory) -> bool:
        long_enough = history.seen_ns - history.started_ns >= self._min_duration_ns
        return long_enough and history.hits >= self._settings.min_hits

    def _make_room(self) -> None:
        excess = len(self._histories) - MAX_TRACKS
        if excess > 0:
            self._drop([h for h in self._histories if not h.is_confirmed][:excess])

    def _drop(self, dropped: Sequence[TrackHistory]) -> None:
        if dropped:
            dropped_ids = set(map(id, dropped))
            self._histories = [h for h in self._histories if id(h) not in dropped_ids]


def _is_on_object(column: int, boxes: FrameBoxes, taken: set[int]) -> bool:
    """Return whether a box is a second detection of an object, of those whose boxes are taken."""
    detected = boxes.detections[column]
    left, _, right, _ = detected.box
    for *_, other_column, _ in boxes.find_between(left, right):
        if other_column in taken and is_duplicate(
            detected.box,
            boxes.detections[other_column].box,
            is_same_class=boxes.detections[other_column].class_id == detected.class_id,
        ):
            return True
    return False
