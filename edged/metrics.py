"""Latency windows, histograms and rates, kept in constant memory."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, floor

from edged.clock import NS_PER_S


class LatencyWindow:
    """The newest durations, at most `max_count`."""

    def __init__(self, max_count: int = 512) -> None:
        self._ns = array("q", bytes(8 * max_count))
        self._max_count = max_count
        self._count = 0

    def add(self, duration_ns: int) -> None:
        """Add a duration in nanoseconds; the oldest one is overwritten when the window is full."""
        self._ns[self._count % self._max_count] = duration_ns
        self._count += 1

    def compute_quantiles_s(self) -> tuple[float, float, float] | None:
        """Return the 50th, 95th and 99th percentile in seconds, rounded to the microsecond; None while empty."""
        ordered = sorted(self._ns[: min(self._count, self._max_count)])
        if not ordered:
            return None
        p50, p95, p99 = (_interpolate(ordered, share) for share in (0.5, 0.95, 0.99))
        return p50, p95, p99


LATENCY_BOUNDS_S = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.25, 0.5, 1.0, 2.5),
)
"""Upper bounds of a histogram's buckets, seconds: from the decoding of one frame to a worker that is stuck."""
_BOUNDS_NS = tuple(round(bound_s * NS_PER_S) for bound_s in LATENCY_BOUNDS_S)


class LatencyHistogram:
    """Durations, counted in the fixed buckets of `LATENCY_BOUNDS_S` and one above them.

    Attributes:
        counts: the count of each bucket alone, not of those below it.
        sum_ns: all durations together, nanoseconds.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS_NS) + 1)
        self.sum_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count a duration in nanoseconds; one that equals a bound belongs to the bucket below."""
        self.counts[bisect_left(_BOUNDS_NS, duration_ns)] += 1
        self.sum_ns += duration_ns


def _interpolate(ordered_ns: list[int], share: float) -> float:
    """Return a quantile in seconds, rounded to the microsecond; between two durations it is interpolated."""
    place = share * (len(ordered_ns) - 1)
    low, high = ordered_ns[floor(place)], ordered_ns[ceil(place)]
    return round((low + (high - low) * (place - floor(place))) / NS_PER_S, 6)


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


@dataclass(slots=True)
class CumulativeCounter:
    """A counter that continues when a worker is replaced and its own counter restarts.

    Attributes:
        previous_total: total of the workers before.
        current: count of the worker that runs now.
    """

    previous_total: int = 0
    current: int = 0

    def update(self, count: int) -> None:
        """Take a worker's count; a smaller one than before is another worker's."""
        if count < self.current:
            self.previous_total += self.current
        self.current = count

    @property
    def total(self) -> int:
        """The counts of all workers together."""
        return self.previous_total + self.current
