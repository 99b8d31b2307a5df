"""Time comes from here, so that tests can own it."""

import ctypes
import os
import time
from pathlib import Path
from typing import Literal, Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """The two time lines and the way to wait."""

    def monotonic_ns(self) -> int:
        """Nanoseconds on a line that never steps; meaningful only within one boot."""

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch; may step, and may be wrong by years on a Pi without a clock chip."""

    def sleep(self, seconds: float) -> None:
        """Wait that long."""


class SystemClock:
    """The host's clocks. `monotonic_ns` is CLOCK_MONOTONIC, which processes of one host share."""

    def monotonic_ns(self) -> int:
        """See `Clock`."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """See `Clock`."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        time.sleep(seconds)


class Deadline:
    """A point on the monotonic line by which something must have happened."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._at_ns = clock.monotonic_ns() + int(seconds * NS_PER_S)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, (self._at_ns - self._clock.monotonic_ns()) / NS_PER_S)

    @property
    def expired(self) -> bool:
        """Whether the point has passed."""
        return self._clock.monotonic_ns() >= self._at_ns


ClockQuality = Literal["synced", "floor", "unsynced"]
_ADJTIMEX_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # more than struct timex needs on any architecture
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def clock_quality(wall_ns: int, floor_ns: int) -> ClockQuality:
    """How far the wall clock is to be trusted.

    ``synced``: something disciplines it, says the kernel; or, where that may not be asked, systemd-timesyncd does since this boot.
    ``floor``: not so, but it is at least `floor_ns`, a time that is known to have passed. ``unsynced``: it shows a time before that,
    so it is wrong.
    """
    synced = _is_kernel_synced()
    if synced or (synced is None and os.access(_TIMESYNCD, os.F_OK)):
        return "synced"
    return "floor" if wall_ns >= floor_ns else "unsynced"


def _is_kernel_synced() -> bool | None:
    """None if it may not be asked: a service that may not set the clock (ProtectClock=) may not read this either."""
    reading_only = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(reading_only)
    return None if state < 0 else state < _ADJTIMEX_TIME_ERROR
