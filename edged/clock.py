"""The only source of time, so that tests can replace it."""

import ctypes
import os
import time
from pathlib import Path
from typing import Literal, Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """The two time lines, and a way to wait."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds on a time line that never steps; meaningful only within one boot."""

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch; may step, and may be wrong by years on a Pi without a real-time clock."""

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""


class SystemClock:
    """The host's clocks. `monotonic_ns` is CLOCK_MONOTONIC, which processes of one host share."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC in nanoseconds."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Return CLOCK_REALTIME in nanoseconds since the Unix epoch."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Suspend this thread for `seconds`."""
        time.sleep(seconds)


class PauseFreeClock:
    """A monotonic time line that leaves out the pauses of its own process: SIGSTOP, a suspended machine, a stalled disk, a busy processor.

    The caller reads it in each turn of its loop. A longer time than `max_step_s` between two readings is a pause, of which only
    `max_step_s` counts: what the caller could not see meanwhile has not failed to happen. One thread reads it.
    """

    def __init__(self, clock: Clock, max_step_s: float) -> None:
        """Start now.

        Args:
            clock: the clock to read.
            max_step_s: seconds between two readings that count at most; more than the caller's loop usually takes.
        """
        self._clock = clock
        self._max_step_ns = int(max_step_s * NS_PER_S)
        self._read_ns = self._now_ns = clock.monotonic_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of a time line that never steps, and stands still in a pause."""
        read_ns = self._clock.monotonic_ns()
        self._now_ns += min(read_ns - self._read_ns, self._max_step_ns)
        self._read_ns = read_ns
        return self._now_ns


class Deadline:
    """A point in monotonic time by which something must have happened."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._at_ns = clock.monotonic_ns() + int(seconds * NS_PER_S)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, (self._at_ns - self._clock.monotonic_ns()) / NS_PER_S)

    @property
    def expired(self) -> bool:
        """True once the point has passed."""
        return self._clock.monotonic_ns() >= self._at_ns


class RunningTime:
    """The running time of the daemon, summed over several runs.

    A wall clock that is set forward must not make everything old, and time in which the device was off does not count.
    """

    def __init__(self, clock: Clock, *, previous_ns: int) -> None:
        """Continue at `previous_ns`, the running time of the earlier runs."""
        self._clock = clock
        self._offset_ns = previous_ns - clock.monotonic_ns()

    def read_ns(self) -> int:
        """Return the running time until now."""
        return self._offset_ns + self._clock.monotonic_ns()


ClockQuality = Literal["synced", "floor", "unsynced"]
"""How far the wall clock can be trusted; see `clock_quality`."""
_ADJTIMEX_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # more than struct timex needs on any architecture
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def clock_quality(wall_ns: int, floor_ns: int) -> ClockQuality:
    """Return how far the wall clock can be trusted.

    ``synced``: according to the kernel, a time source disciplines it; where the kernel may not be queried, systemd-timesyncd has
    synchronised it since this boot. ``floor``: not synchronised, but not before `floor_ns`, a time that is known to have passed.
    ``unsynced``: it shows a time before that, so it is wrong.

    Args:
        wall_ns: the wall clock's time, nanoseconds since the Unix epoch.
        floor_ns: a time that is known to have passed, nanoseconds since the Unix epoch.
    """
    synced = _is_kernel_synced()
    if synced or (synced is None and os.access(_TIMESYNCD, os.F_OK)):
        return "synced"
    return "floor" if wall_ns >= floor_ns else "unsynced"


def read_clock_quality(clock: Clock, floor_ns: int) -> ClockQuality:
    """Return how far the wall clock can be trusted now; `floor_ns` is a wall time that is known to have passed."""
    return clock_quality(clock.wall_ns(), floor_ns)


def _is_kernel_synced() -> bool | None:
    """Return whether the kernel calls the clock synchronised; None if this process may not query it (ProtectClock=)."""
    read_only_query = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(read_only_query)
    return None if state < 0 else state < _ADJTIMEX_TIME_ERROR
