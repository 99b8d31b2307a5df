"""Which frames' detections are told: those that have any, and one empty one when the scene clears, up to a rate."""

from edged.clock import NS_PER_S


class DetectionsGate:
    """One camera's."""

    def __init__(self, *, max_hz: float) -> None:
        self._interval_ns = int(NS_PER_S / max_hz)
        self._last_admitted_ns: int | None = None
        self._is_empty_reported = True

    def admit(self, detection_count: int, now_ns: int) -> bool:
        """Whether to tell of a frame with so many detections; asked once a frame."""
        if detection_count == 0 and self._is_empty_reported:
            return False
        too_soon = (
            self._last_admitted_ns is not None
            and now_ns - self._last_admitted_ns < self._interval_ns
        )
        if detection_count and too_soon:
            return False
        self._last_admitted_ns = now_ns
        self._is_empty_reported = detection_count == 0
        return True
