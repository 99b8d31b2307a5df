"""The time for which a worker has given no sign of life, without that in which it could not run."""

from collections.abc import Mapping

from edged.clock import NS_PER_S
from edged.host.scheduling import read_waits_ns

_MIN_SILENCE_NS = int(0.4 * NS_PER_S)
"""A shorter silence is no reason to look at the process: a worker reports every quarter of a second."""


class Silence:
    """The present silence of one worker.

    A worker that waits for a processor cannot report, and is not hung. The kernel counts that time for each thread; of the threads, the one
    that waited longest counts, because it can hold what the others wait for.
    """

    def __init__(self, now_ns: int = 0) -> None:
        """Begin at this time."""
        self.restart(now_ns)

    def restart(self, now_ns: int) -> None:
        """Begin again: the worker gave a sign of life."""
        self._since_ns = self._looked_ns = now_ns
        self._starved_ns = 0
        self._waits_ns: Mapping[str, int] = {}

    def total_ns(self, now_ns: int) -> int:
        """Return the whole silence."""
        return now_ns - self._since_ns

    def measure_ns(self, now_ns: int, pid: int) -> int:
        """Return the silence without the time in which the process waited for a processor; call it several times a second."""
        if self.total_ns(now_ns) < _MIN_SILENCE_NS:
            return self.total_ns(now_ns)
        waits_ns = read_waits_ns(pid)
        delays_ns = (
            ns - self._waits_ns[tid] for tid, ns in waits_ns.items() if tid in self._waits_ns
        )
        self._starved_ns += min(max(delays_ns, default=0), now_ns - self._looked_ns)
        self._waits_ns, self._looked_ns = waits_ns, now_ns
        return self.total_ns(now_ns) - self._starved_ns
