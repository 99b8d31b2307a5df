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

    def __init__(self) -> None:
        self._since_ns = self._looked_ns = 0
        self._starved_ns = 0
        self._waits_ns: Mapping[str, int] = {}

    def measure_ns(self, since_ns: int, now_ns: int, pid: int) -> int:
        """Return the silence without the time in which the process waited for a processor; call it several times a second.

        Args:
            since_ns: when the worker gave its last sign of life.
            now_ns: now, on the same time line.
            pid: its process.
        """
        if since_ns != self._since_ns:
            self._since_ns, self._starved_ns, self._waits_ns = since_ns, 0, {}
        if now_ns - since_ns < _MIN_SILENCE_NS:
            return now_ns - since_ns
        waits_ns, known_ns = read_waits_ns(pid), self._waits_ns
        delays_ns = (ns - known_ns[tid] for tid, ns in waits_ns.items() if tid in known_ns)
        if known_ns:
            self._starved_ns += min(max(delays_ns, default=0), now_ns - self._looked_ns)
        self._waits_ns, self._looked_ns = waits_ns, now_ns
        return now_ns - since_ns - self._starved_ns
