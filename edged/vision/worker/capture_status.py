"""What a camera's thread tells of itself."""

from dataclasses import dataclass
from enum import StrEnum

from edged.clock import NS_PER_S
from edged.interfaces import CameraInfo


class CaptureState(StrEnum):
    """What a camera's thread is about."""

    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureStatus:
    """A snapshot of one camera's capture.

    Attributes:
        name: the camera's name in the config.
        state: see `edged.vision.worker.capture`.
        since_ns: when it came into that state, monotonic.
        reason: why it is lost or has ended; "" else.
        info: what the camera said when it was last opened.
        captured: frames the camera delivered, those that nobody saw included.
        dropped: of these, how many will never be inferred: skipped by the driver, or replaced in the slot. When nothing
            waits in the slot any more, ``captured - dropped`` frames were taken from it.
        reconnects: how often it came back after a loss.
        last_frame_ns: when the last frame was received, monotonic; None before the first.
        in_driver_since_ns: since when the driver has had control (`open`, `grab`, `close`), monotonic; None if it has not.
    """

    name: str
    state: CaptureState
    since_ns: int
    reason: str = ""
    info: CameraInfo | None = None
    captured: int = 0
    dropped: int = 0
    reconnects: int = 0
    last_frame_ns: int | None = None
    in_driver_since_ns: int | None = None

    def in_driver_s(self, now_ns: int) -> float:
        """How long the driver has kept control, in seconds; one that keeps it far beyond its timeouts hangs."""
        return (
            0.0
            if self.in_driver_since_ns is None
            else (now_ns - self.in_driver_since_ns) / NS_PER_S
        )
