"""Latency windows and rates, kept in constant memory."""

from dataclasses import dataclass

import numpy as np

from edged.clock import NS_PER_S


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of the values in a window, milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class Window:
    """The newest durations, at most `size`."""

    def __init__(self, size: int = 512) -> None:
        self._ns = np.zeros(size, np.int64)
        self._count = 0

    def add(self, duration_ns: int) -> None:
        """One more; the oldest goes."""
        self._ns[self._count % len(self._ns)] = duration_ns
        self._count += 1

    def quantiles(self) -> Quantiles | None:
        """None while empty."""
        n = min(self._count, len(self._ns))
        if n == 0:
            return None
        p50, p95, p99 = np.percentile(self._ns[:n], (50, 95, 99)) / 1e6
        return Quantiles(round(float(p50), 3), round(float(p95), 3), round(float(p99), 3))


class Rate:
    """Turns a counter, read now and then, into events a second over the last interval."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        self.per_s = 0.0

    def read(self, count: int, now_ns: int) -> float:
        """Tell the counter's value; a counter that fell was restarted, and counts from zero."""
        if self._last is not None:
            last_count, last_ns = self._last
            grown = count - last_count if count >= last_count else count
            if now_ns > last_ns:
                self.per_s = grown * NS_PER_S / (now_ns - last_ns)
        self._last = (count, now_ns)
        return self.per_s
