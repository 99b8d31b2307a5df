"""What is known of one object at one moment."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""[x1, y1, x2, y2], fractions of the frame, origin top left."""
Point = tuple[float, float]
"""[x, y], fractions of the frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One object.

    Attributes:
        id: never used again.
        class_id: the class with the most score over the object's life.
        score: of the newest detection.
        top_score: the best so far.
        box: of the newest detection.
        started_ns: captured time of the first detection.
        seen_ns: captured time of the newest.
        seen: whether this frame has a detection of it.
        stationary: unmoved for `TrackSettings.stationary_s`.
        path: where its feet have been, oldest first, the newest last; few points, thinned as it grows.
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
        tracks: those that are believed and open, seen in this frame or not, oldest first.
        candidates: those not believed yet; they keep their ids if they ever are.
        ended: those that were believed, and were closed by this frame.
    """

    tracks: tuple[Track, ...] = ()
    candidates: tuple[Track, ...] = ()
    ended: tuple[Track, ...] = ()
