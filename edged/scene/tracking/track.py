"""The state of one object at one moment."""

from msgspec import Struct

from edged.scene.geometry import Point, foot_point
from edged.types import Box


class Track(Struct, frozen=True, gc=False):
    """One object.

    Attributes:
        id: never reused.
        class_id: the class with the highest total score over the object's life.
        score: score of the newest detection.
        top_score: the best score so far.
        box: box of the newest detection.
        started_ns: capture time of the first detection.
        seen_ns: capture time of the newest detection.
        seen: whether this frame has a detection of it.
        stationary: whether it has not moved for `TrackSettings.stationary_s`.
        waypoints: foot points on its way, oldest first; few points, thinned as it grows.
        top_median_score: the greatest median so far of its scores in the last ten frames, 0 for a frame without a detection.
    """

    id: int
    class_id: int
    score: float
    top_score: float
    box: Box
    started_ns: int
    seen_ns: int
    seen: bool
    stationary: bool
    waypoints: tuple[Point, ...]
    top_median_score: float = 0.0

    @property
    def path(self) -> tuple[Point, ...]:
        """Its foot points, oldest first: the waypoints, and where it is now."""
        newest = foot_point(self.box)
        return self.waypoints if self.waypoints[-1] == newest else (*self.waypoints, newest)


class TrackUpdate(Struct, frozen=True, gc=False):
    """The objects after one frame.

    Attributes:
        tracks: confirmed objects that have not ended, detected in this frame or not, oldest first.
        unconfirmed_tracks: objects that are not confirmed yet; they keep their ids when they are.
        ended: confirmed objects that ended with this frame.
    """

    tracks: tuple[Track, ...] = ()
    unconfirmed_tracks: tuple[Track, ...] = ()
    ended: tuple[Track, ...] = ()
