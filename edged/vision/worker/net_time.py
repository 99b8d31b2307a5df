"""Net time: how long a thread computed or waited for a device, without the time in which it waited for a processor.

On a busy host a model of 2 ms takes 2 ms of computing and up to 100 ms of waiting for its turn; only the former is the model's. Net time is
CPU time where the model computes, and wall-clock time where an accelerator does or the thread sleeps. If the kernel does not count the waiting,
it is the CPU time of a model that computes on the CPU, and wall-clock time otherwise.
"""

import random
import time
from collections.abc import Callable

from edged.clock import NS_PER_S, Clock
from edged.config.settings import ModelSettings
from edged.host.scheduling import ThreadWait

MEASURED_HZ = 10
"""About so many frames a second are measured outside a trial: 300 in the 30 s of a baseline, of which the median is wanted. A measurement costs 20 to 60 µs."""
_MAX_PERIOD = 32

Counter = Callable[[], int]
"""Returns nanoseconds that only rise."""


class NetTime:
    """Counts the net time of the thread that calls it."""

    def __init__(self, clock: Clock) -> None:
        """Start without a thread; the first to read it is the one.

        Args:
            clock: the clock of wall-clock time.
        """
        self._clock = clock
        self._wait = ThreadWait()

    def counter(self, settings: ModelSettings) -> Counter:
        """Return the counter for a model that runs with these settings."""
        if settings.delegate is None and settings.threads > 1:
            return time.process_time_ns  # each of its threads can wait for a processor
        if settings.delegate is None and not self._is_wait_known:
            return time.thread_time_ns
        return self._count_ns

    @property
    def _is_wait_known(self) -> bool:
        return self._wait.read_ns() > 0

    def _count_ns(self) -> int:
        return self._clock.monotonic_ns() - self._wait.read_ns()


class MeasuredFrames:
    """Chooses the frames whose net times are measured: each frame has the same chance, and about `MEASURED_HZ` a second are chosen; all, if there are fewer.

    The distance between two of them is random. If it were fixed, then of several cameras that take turns the same one could be measured always.
    """

    def __init__(self) -> None:
        """Measure the first frame."""
        self._random = random.Random(0)  # noqa: S311 - it protects nothing
        self._skipped_count = self._skip_count = 0
        self._measured_ns: int | None = None

    def is_next(self, now_ns: int) -> bool:
        """Count a frame at this monotonic time; return whether it is measured."""
        if self._skipped_count < self._skip_count:
            self._skipped_count += 1
            return False
        period = 1
        if self._measured_ns is not None:
            interval_ns = max(now_ns - self._measured_ns, 1) / (self._skipped_count + 1)
            period = min(max(round(NS_PER_S / MEASURED_HZ / interval_ns), 1), _MAX_PERIOD)
        self._skipped_count, self._skip_count = 0, self._random.randrange(2 * period - 1)
        self._measured_ns = now_ns
        return True
