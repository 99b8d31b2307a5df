"""Latency windows and rates, kept in constant memory."""

import numpy as np

from edged.clock import NS_PER_S


class LatencyWindow:
    """The newest durations, at most `max_count`."""

    def __init__(self, max_count: int = 512) -> None:
        self._ns = np.zeros(max_count, np.int64)
        self._count = 0

    def add(self, duration_ns: int) -> None:
        """Add a duration in nanoseconds; the oldest one is overwritten when the window is full."""
        self._ns[self._count % len(self._ns)] = duration_ns
        self._count += 1

    def compute_quantiles_s(self) -> tuple[float, float, float] | None:
        """Return the 50th, 95th and 99th percentile in seconds, rounded to the microsecond; None while empty."""
        n = min(self._count, len(self._ns))
        if n == 0:
            return None
        p50, p95, p99 = np.percentile(self._ns[:n], (50, 95, 99)) / NS_PER_S
        return round(float(p50), 6), round(float(p95), 6), round(float(p99), 6)


class Rate:
    """The rate of a counter that is read from time to time.

    Attributes:
        per_s: events per second over the last interval.
    """

    def __init__(self) -> None:
        self._previous: tuple[int, int] | None = None
        self.per_s = 0.0

    def update(self, count: int, now_ns: int) -> float:
        """Read the counter, and return the rate since the last call.

        Args:
            count: the counter's value; one that is smaller than the last was restarted from zero.
            now_ns: the time of the reading, monotonic nanoseconds.
        """
        if self._previous is not None:
            last_count, last_ns = self._previous
            increase = count - last_count if count >= last_count else count
            if now_ns > last_ns:
                self.per_s = increase * NS_PER_S / (now_ns - last_ns)
        self._previous = (count, now_ns)
        return self.per_s
