"""The state of one camera's capture, as its thread publishes it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from edged.interfaces import CameraInfo


class CaptureState(StrEnum):
    """The state of a camera's thread; `edged.vision.worker.capture` shows the transitions."""

    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureStatus:
    """A snapshot of one camera's capture.

    Attributes:
        name: the camera's name in the configuration.
        state: the state of its thread.
        since_ns: when it entered that state, monotonic.
        reason: why it is lost or has ended; otherwise None.
        info: what the driver reported when the camera was last opened; None before.
        captured: frames that the camera delivered, those that were dropped included.
        dropped: how many of these will never be inferred: skipped by the driver, or replaced in the slot. When the slot is
            empty, ``captured - dropped`` frames were taken from it.
        reconnects: how often the camera came back after a loss.
        last_frame_ns: when the last frame was received, monotonic; None before the first.
        driver_due_ns: when the driver's call (`open`, `grab`, `close`) that runs now must have returned, monotonic; None if none runs.
    """

    name: str
    state: CaptureState
    since_ns: int
    reason: str | None = None
    info: CameraInfo | None = None
    captured: int = 0
    dropped: int = 0
    reconnects: int = 0
    last_frame_ns: int | None = None
    driver_due_ns: int | None = None


class CaptureCounts(NamedTuple):
    """The counts that change with each frame.

    Attributes:
        captured: frames that the camera delivered, those that were dropped included.
        skipped: how many of these were never put into the slot.
        last_frame_ns: when the last frame was received, monotonic; None before the first.
    """

    captured: int = 0
    skipped: int = 0
    last_frame_ns: int | None = None
