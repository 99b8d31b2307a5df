"""The tracker's record of one object, apart from its motion."""

from edged.clock import NS_PER_S
from edged.scene.geometry import iou
from edged.scene.tracking.track import Box, Point, Track

_VOTE_DECAY = 0.98
"""Factor by which a frame's vote for the class fades with every later one: a memory of about fifty frames."""
_MIN_STILL_IOU = 0.6
"""Overlap with its anchor below which a box has moved: a quarter of its side."""
_MIN_STATIONARY_IOU = 0.5
"""The same for an object that is stationary: it must move further, so that a shaking box does not count as movement."""
_MIN_MOVED_FRAMES = 3
"""In a row: a single outlier is no movement."""
_MAX_PATH_POINTS = 16
_PATH_STEP = 0.02
"""Distance between two points of a short path, in fractions of the frame's side."""


class StationaryDetector:
    """Detection of stationary objects: a box is the object's anchor until the object has clearly left it."""

    def __init__(self, box: Box, now_ns: int, *, stationary_s: float) -> None:
        self.is_stationary = False
        self.has_moved = False
        self._anchor = box
        self._since_ns = now_ns
        self._moved_frames = 0
        self._min_still_ns = int(stationary_s * NS_PER_S)

    def update(self, box: Box, now_ns: int) -> None:
        """Take in the newest box."""
        min_iou = _MIN_STATIONARY_IOU if self.is_stationary else _MIN_STILL_IOU
        self._moved_frames = self._moved_frames + 1 if iou(box, self._anchor) < min_iou else 0
        if self._moved_frames >= _MIN_MOVED_FRAMES:
            self._anchor, self._since_ns, self._moved_frames = box, now_ns, 0
            self.is_stationary = False
            self.has_moved = True
        elif now_ns - self._since_ns >= self._min_still_ns:
            self.is_stationary = True


class TrackPath:
    """A bounded polyline: when it is full, every second point is removed and the step doubles."""

    def __init__(self, box: Box) -> None:
        self._points = [_foot_point(box)]
        self._newest = self._points[0]
        self._step = _PATH_STEP

    def update(self, box: Box) -> None:
        """Take in the newest box."""
        self._newest = _foot_point(box)
        last = self._points[-1]
        if abs(self._newest[0] - last[0]) + abs(self._newest[1] - last[1]) < self._step:
            return
        self._points.append(self._newest)
        if len(self._points) > _MAX_PATH_POINTS:
            self._points = self._points[::2]
            self._step *= 2.0

    def list_points(self) -> tuple[Point, ...]:
        """Return the points, oldest first; the newest is always the last."""
        if self._points[-1] == self._newest:
            return tuple(self._points)
        return (*self._points, self._newest)


class TrackHistory:
    """The detections of one object, summed up."""

    def __init__(
        self,
        track_id: int,
        *,
        box: Box,
        score: float,
        class_id: int,
        now_ns: int,
        stationary_s: float,
        was_at_rest: bool = False,
    ) -> None:
        self.class_id = class_id
        self.is_confirmed = False
        self.seen_ns = self.listed_ns = now_ns
        self.hits = 1
        self.misses = 0
        self._id = track_id
        self._was_at_rest = was_at_rest
        self.started_ns = now_ns
        self.box, self._score, self._top_score = box, score, score
        self._votes = {class_id: score}
        self._stationary_detector = StationaryDetector(box, now_ns, stationary_s=stationary_s)
        self._path = TrackPath(box)

    @property
    def has_moved(self) -> bool:
        """True once it has left the place of its first detection."""
        return self._stationary_detector.has_moved

    @property
    def is_at_rest(self) -> bool:
        """True while it stays where another object ended that had never moved: probably it is the same one."""
        return self._was_at_rest and not self.has_moved

    def record_hit(self, *, box: Box, score: float, class_id: int | None, now_ns: int) -> None:
        """Take in a detection of the object.

        Args:
            box: [x1, y1, x2, y2] normalised to the frame.
            score: its score.
            class_id: its class; None if its label is not listed: then the score and the object's class stay.
            now_ns: capture time of the frame.
        """
        self.hits += 1
        self.misses = 0
        self.seen_ns = now_ns
        self.box = box
        if class_id is not None:
            self.listed_ns = now_ns
            self._vote(class_id, score)
        self._stationary_detector.update(box, now_ns)
        self._path.update(box)

    def _vote(self, class_id: int, score: float) -> None:
        self._score, self._top_score = score, max(score, self._top_score)
        for voted in self._votes:
            self._votes[voted] *= _VOTE_DECAY
        self._votes[class_id] = self._votes.get(class_id, 0.0) + score
        self.class_id = max(self._votes, key=self._votes.__getitem__)

    def make_track(self) -> Track:
        """Return the present state of the object."""
        return Track(
            id=self._id,
            class_id=self.class_id,
            score=self._score,
            top_score=self._top_score,
            box=self.box,
            started_ns=self.started_ns,
            seen_ns=self.seen_ns,
            seen=self.misses == 0,
            stationary=self._stationary_detector.is_stationary,
            path=self._path.list_points(),
        )


def _foot_point(box: Box) -> Point:
    return ((box[0] + box[2]) / 2.0, box[3])
