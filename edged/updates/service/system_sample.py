"""The state of the system at one moment, as a trial needs it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCounts:
    """The frame counters of one camera since the daemon's start.

    Attributes:
        captured: frames that the camera gave.
        inferred: frames on which a model ran.
        failed: frames on which none could.
        is_online: the camera delivers frames.
    """

    captured: int
    inferred: int
    failed: int
    is_online: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSample:
    """The state of the system at one moment, beside what the workers report.

    Attributes:
        throttled: the board throttles.
        worker_count: number of workers.
        cameras: the frame counters, by the camera's name.
        largest_worker_mb: memory of the largest worker, MiB; None if unknown.
        waited_s: how long the workers have waited for a processor since they started, together, seconds; 0 if unknown.
        obstacle: what else keeps this device from working as usual, in words; None if nothing does.
    """

    throttled: bool
    worker_count: int
    cameras: Mapping[str, FrameCounts]
    largest_worker_mb: float | None
    waited_s: float = 0.0
    obstacle: str | None = None
