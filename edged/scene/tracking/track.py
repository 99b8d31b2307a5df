"""The state of one object at one moment."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""[x1, y1, x2, y2], fractions of the frame, origin top left."""
Point = tuple[float, float]
"""[x, y], fractions of the frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
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
        path: its foot points, oldest first, the newest last; few points, thinned as it grows.
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
    path: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """The objects after one frame.

    Attributes:
        tracks: confirmed objects that have not ended, detected in this frame or not, oldest first.
        unconfirmed_tracks: objects that are not confirmed yet; they keep their ids when they are.
        ended: confirmed objects that ended with this frame.
    """

    tracks: tuple[Track, ...] = ()
    unconfirmed_tracks: tuple[Track, ...] = ()
    ended: tuple[Track, ...] = ()
