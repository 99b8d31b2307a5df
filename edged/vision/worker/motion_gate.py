"""The motion gate: which frames of a camera the model runs on. A pure rule.

In a picture in which nothing changes, the model finds what it found before, so running it again only costs energy. The gate opens with any
change, and closes only after the model has seen the picture at rest for long enough that every object in it is known.
"""

from collections import deque
from dataclasses import dataclass

from edged.clock import NS_PER_S

_SETTLE_S = 1.0
"""Time for which the model runs after a start, and after the last change: an object is confirmed by then (`track.min_s` is 0.25 s)."""
_MIN_SETTLED_FRAMES = 5
"""Frames on which the model runs after a start or the last change, at low frame rates: two more than `track.min_hits` asks for."""
_BORDERLINE_S = 1.0
"""Time until the model runs again on a picture at rest if a score is near its threshold: noise alone makes it strong or weak."""
_DOUBT_S = 3.0
"""The same time after a re-check that found something else than before: an object that is gone ends after `track.lost_s`, 2 s. For so long at
most the gate stays open until a frame shows as much as those before it: what the last frame shows counts until the gate opens again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObjects:
    """What the model found in a frame, as the gate needs it.

    Attributes:
        strong_class_ids: the classes of the detections that can begin an object, ascending.
        count: number of detections, those included that can only continue one.
        is_borderline: whether a score is so near to the threshold that noise decides.
    """

    strong_class_ids: tuple[int, ...] = ()
    count: int = 0
    is_borderline: bool = False


_NOTHING = FoundObjects()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """The settings of a gate.

    Attributes:
        is_enabled: False if the model runs on every frame.
        recheck_s: seconds after which the model runs again on a picture at rest that has detections; 0.0 for never.
    """

    is_enabled: bool = True
    recheck_s: float = 30.0


class MotionGate:
    """The gate of one camera. Call `decide` for each frame, and `record` after each one on which the model ran."""

    def __init__(self, rules: GateRules) -> None:
        """Begin open: what stands in the first picture must be found.

        Args:
            rules: the settings.
        """
        self._rules = rules
        self._open_until_ns: int | None = None
        self._frames_left = 0
        self._inferred_ns = 0
        self._is_recheck = False
        self._doubt_due_ns = 0
        self._found = _NOTHING
        self._found_counts: deque[int] = deque(maxlen=_MIN_SETTLED_FRAMES)

    def reset(self) -> None:
        """Open: the camera, the model or the masks have changed."""
        self._open_until_ns = None
        self._inferred_ns = self._doubt_due_ns = 0
        self._found_counts.clear()

    def decide(self, captured_ns: int, *, has_changed: bool) -> bool:
        """Return whether the model is to run on a frame.

        Args:
            captured_ns: capture time of the frame, monotonic; a time before the last one's is a new beginning.
            has_changed: whether anything in the picture has changed.
        """
        if not self._rules.is_enabled:
            return True
        if captured_ns < self._inferred_ns:
            self.reset()
        open_until_ns = self._open_until_ns
        if open_until_ns is None or has_changed:
            open_until_ns = self._open(captured_ns, _SETTLE_S)
        if self._is_doubtful:
            open_until_ns += int(_DOUBT_S * NS_PER_S)
        is_open = captured_ns <= open_until_ns or self._frames_left > 0
        self._is_recheck = not is_open and self._is_recheck_due(captured_ns)
        return is_open or self._is_recheck

    def record(self, captured_ns: int, found: FoundObjects) -> None:
        """Take note of what the model found in a frame.

        Args:
            captured_ns: capture time of the frame, monotonic.
            found: what it found.
        """
        has_doubt = self._is_recheck and found.strong_class_ids != self._found.strong_class_ids
        if has_doubt and captured_ns >= self._doubt_due_ns:
            # Not at once again: of a score that noise takes across its threshold there is no end.
            self._doubt_due_ns = captured_ns + int(self._rules.recheck_s * NS_PER_S)
            self._open(captured_ns, _DOUBT_S)
        self._found = found
        self._found_counts.append(found.count)
        self._inferred_ns = captured_ns
        self._frames_left = max(0, self._frames_left - 1)

    @property
    def _is_doubtful(self) -> bool:
        """Whether the last frame shows less than one of those just before it, because scores flicker."""
        return self._found.count < max(self._found_counts, default=0)

    def _open(self, captured_ns: int, seconds: float) -> int:
        """Open for `seconds` more; return until when the gate is open, at least."""
        until_ns = max(self._open_until_ns or 0, captured_ns + int(seconds * NS_PER_S))
        self._open_until_ns = until_ns
        self._frames_left = _MIN_SETTLED_FRAMES
        return until_ns

    def _is_recheck_due(self, captured_ns: int) -> bool:
        recheck_s = self._rules.recheck_s
        if not (self._found.count and recheck_s):
            return False
        if self._found.is_borderline:
            recheck_s = min(recheck_s, _BORDERLINE_S)
        return captured_ns - self._inferred_ns >= recheck_s * NS_PER_S
