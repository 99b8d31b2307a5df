"""A largest rate of frames. A pure rule."""

from edged.clock import NS_PER_S

_SLACK = 0.1
"""Share of an interval by which a frame may be early: cameras are not exact."""


class FramePace:
    """Chooses the frames of one camera that keep within a rate."""

    def __init__(self, max_fps: float | None) -> None:
        """Begin: the first frame is due.

        Args:
            max_fps: largest rate, frames per second; None for no limit.
        """
        self._interval_ns = 0 if max_fps is None else int(NS_PER_S / max_fps)
        self.due_ns = 0
        """Capture time from which a frame is due, monotonic."""

    def admit(self, captured_ns: int) -> bool:
        """Return whether a frame is due, and if so, when the next one is; a time before the last frame's is a new beginning."""
        interval_ns = self._interval_ns
        if self.due_ns - interval_ns <= captured_ns < self.due_ns:
            return False
        slack_ns = int(interval_ns * _SLACK)
        # A frame that comes late does not delay those after it, unless it is late by more than an interval.
        planned_ns = self.due_ns + slack_ns
        if not self.due_ns <= captured_ns < planned_ns + interval_ns:
            planned_ns = captured_ns
        self.due_ns = planned_ns + interval_ns - slack_ns
        return True
