"""The tracker's record of one object."""

from msgspec.structs import replace

from edged.clock import NS_PER_S
from edged.scene.geometry import Point, foot_point, iou
from edged.scene.tracking.kalman import BoxFilter
from edged.scene.tracking.median_score import MedianScore
from edged.scene.tracking.track import Track
from edged.types import Box, DetectedBox

_VOTE_DECAY = 0.98
"""Factor by which a frame's vote for the class fades with every later one: a memory of about fifty frames."""
_MAX_VOTED_CLASSES = 16
"""A model may report any number of classes; the one with the lowest score is forgotten."""
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

    __slots__ = (
        *("_anchor", "_min_still_ns", "_moved_frames", "_since_ns"),
        *("has_moved", "is_stationary"),
    )

    def __init__(self, box: Box, now_ns: int, *, stationary_s: float) -> None:
        self.is_stationary = False
        self.has_moved = False
        self._anchor = box
        self._since_ns = now_ns
        self._moved_frames = 0
        self._min_still_ns = int(stationary_s * NS_PER_S)

    def update(self, box: Box, now_ns: int) -> None:
        """Take in the newest box."""
        if iou(box, self._anchor) >= (
            _MIN_STATIONARY_IOU if self.is_stationary else _MIN_STILL_IOU
        ):
            self._moved_frames = 0
        else:
            self._moved_frames += 1
            if self._moved_frames >= _MIN_MOVED_FRAMES:
                self._anchor, self._since_ns, self._moved_frames = box, now_ns, 0
                self.is_stationary = False
                self.has_moved = True
                return
        if now_ns - self._since_ns >= self._min_still_ns:
            self.is_stationary = True


class TrackPath:
    """A bounded polyline: when it is full, every second point is removed and the step doubles.

    Attributes:
        points: its points, oldest first.
    """

    __slots__ = ("_last_x", "_last_y", "_step", "points")

    def __init__(self, box: Box) -> None:
        start = foot_point(box)
        self.points: tuple[Point, ...] = (start,)
        self._last_x, self._last_y = start
        self._step = _PATH_STEP

    def update(self, box: Box) -> None:
        """Take in the newest box."""
        x, y = (box[0] + box[2]) * 0.5, box[3]
        if abs(x - self._last_x) + abs(y - self._last_y) < self._step:
            return
        self.points = (*self.points, (x, y))
        if len(self.points) > _MAX_PATH_POINTS:
            self.points = self.points[::2]
            self._step *= 2.0
        self._last_x, self._last_y = self.points[-1]


class TrackHistory:
    """The detections of one object, summed up.

    Attributes:
        filter: predicts its box.
        track: its present state.
        class_id: the class with the highest total score.
        is_confirmed: whether it is an object.
        box: its newest box.
        started_ns: capture time of the first detection.
        seen_ns: capture time of the newest detection.
        listed_ns: the same of the newest one with a listed label.
        hits: number of detections.
        seen_frame: number of the frame of the newest detection.
    """

    __slots__ = (
        *(
            "_id",
            "_median_score",
            "_path",
            "_score",
            "_stationary_detector",
            "_top_score",
            "_votes",
            "_was_at_rest",
        ),
        *("box", "class_id", "filter", "hits", "is_confirmed", "listed_ns", "seen_frame"),
        *("seen_ns", "started_ns", "track"),
    )

    def __init__(
        self,
        track_id: int,
        detected: DetectedBox,
        *,
        now_ns: int,
        frame: int,
        stationary_s: float,
        was_at_rest: bool = False,
    ) -> None:
        """Begin with the first detection.

        Args:
            track_id: the object's id.
            detected: the detection.
            now_ns: capture time of its frame.
            frame: the frame's number in the tracker.
            stationary_s: `TrackSettings.stationary_s`.
            was_at_rest: whether another object ended here that had never moved.
        """
        self._id = track_id
        self._was_at_rest = was_at_rest
        self.box = detected.box
        self.class_id = detected.class_id
        self.is_confirmed = False
        self.hits = 1
        self.seen_frame = frame
        self.started_ns = self.seen_ns = self.listed_ns = now_ns
        self._score = self._top_score = detected.score
        self._median_score = MedianScore(detected.score)
        self._votes = {detected.class_id: detected.score}
        self._stationary_detector = StationaryDetector(
            detected.box, now_ns, stationary_s=stationary_s
        )
        self._path = TrackPath(detected.box)
        self.filter = BoxFilter(detected.box, now_ns)
        self.track = self._make_track()

    @property
    def has_moved(self) -> bool:
        """True once it has left the place of its first detection."""
        return self._stationary_detector.has_moved

    @property
    def is_at_rest(self) -> bool:
        """True while it stays where another object ended that had never moved: probably it is the same one."""
        return self._was_at_rest and not self._stationary_detector.has_moved

    def record_hit(
        self, detected: DetectedBox, now_ns: int, frame: int, *, is_listed: bool
    ) -> None:
        """Take in a detection of the object.

        Args:
            detected: the detection.
            now_ns: capture time of the frame, for which the filter has predicted the box.
            frame: the frame's number in the tracker.
            is_listed: whether its label is listed; if not, the score and the object's class stay.
        """
        self.hits += 1
        self.seen_frame = frame
        self.seen_ns = now_ns
        self.box = box = detected.box
        if is_listed:
            self.listed_ns = now_ns
            self._vote(detected.class_id, detected.score)
        self._stationary_detector.update(box, now_ns)
        self._path.update(box)
        self.filter.correct(box, now_ns)
        self.track = self._make_track()

    def record_miss(self) -> None:
        """Take note that the newest frame has no detection of the object."""
        self._median_score.update(0.0)
        if self.track.seen:
            self.track = replace(self.track, seen=False)

    def _vote(self, class_id: int, score: float) -> None:
        self._score = score
        self._top_score = max(self._top_score, score)
        self._median_score.update(score)
        votes = self._votes
        for voted in votes:
            votes[voted] *= _VOTE_DECAY
        if class_id == self.class_id:  # the leader still leads
            votes[class_id] += score
            return
        votes[class_id] = votes.get(class_id, 0.0) + score
        if len(votes) > _MAX_VOTED_CLASSES:
            del votes[min(votes, key=votes.__getitem__)]
        self.class_id = max(votes, key=votes.__getitem__)

    def _make_track(self) -> Track:
        return Track(
            self._id,
            self.class_id,
            self._score,
            self._top_score,
            self.box,
            self.started_ns,
            self.seen_ns,
            True,  # noqa: FBT003
            self._stationary_detector.is_stationary,
            self._path.points,
            self._median_score.top,
        )
