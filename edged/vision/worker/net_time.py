"""Net time: how long a thread computed or waited for a device, without the time in which it waited for a processor.

On a busy host a model of 2 ms takes 2 ms of computing and up to 100 ms of waiting for its turn; only the former is the model's. Net time is
CPU time where the model computes, and wall-clock time where an accelerator does or the thread sleeps. If the kernel does not count the waiting,
it is the CPU time of a model that computes on the CPU, and wall-clock time otherwise.
"""

import time
from collections.abc import Callable

from edged.clock import Clock
from edged.config.settings import ModelSettings
from edged.host.scheduling import ThreadWait

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
