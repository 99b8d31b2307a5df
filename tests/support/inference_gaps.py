"""For how long nobody looked, as frames that were looked at show it, and how much of that the machine is to blame for."""

import bisect
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edged.clock import NS_PER_S

_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class ProcessKill:
    """Somebody was killed.

    Attributes:
        victim: a kind of process, or all of them.
        at_ns: when, monotonic.
        state: of the deployment in flight at that moment; "" without one.
    """

    victim: str
    at_ns: int
    state: str


@dataclass(frozen=True, slots=True)
class InferredFrame:
    """A frame that was looked at: when it had come, monotonic, and by which model."""

    at_ns: int
    model: str


@dataclass(frozen=True, slots=True)
class InferenceGap:
    """Nobody looked for so long.

    Attributes:
        seconds: since the last strike in it, or the frame before if there was none.
        cpu_wait_s: for how much of that the machine had no processor for those who were to look.
        after_kill: the strike.
    """

    seconds: float
    cpu_wait_s: float
    after_kill: ProcessKill | None


class RunQueueWaits:
    """For how long processes were ready to run while the machine had no processor for them: that is nobody's fault here."""

    def __init__(self) -> None:
        self._times_ns = [time.monotonic_ns()]
        self._sums_s = [0.0]
        self._last_s: dict[int, float] = {}

    def sample(self, pids: Callable[[], Iterable[int]]) -> None:
        """Ask the kernel, ten times a second at most. Of those that wait at the same time, one counts."""
        now_ns = time.monotonic_ns()
        passed_s = (now_ns - self._times_ns[-1]) / NS_PER_S
        if passed_s < _SAMPLE_S:
            return
        now_s = {pid: _run_queue_wait_s(pid) for pid in pids()}
        waited_s = sum(max(s - self._last_s.get(pid, 0.0), 0.0) for pid, s in now_s.items())
        self._last_s = now_s
        self._times_ns.append(now_ns)
        self._sums_s.append(self._sums_s[-1] + min(waited_s, passed_s))

    def waited_between_s(self, began_ns: int, ended_ns: int) -> float:
        """In this time."""
        last = len(self._times_ns) - 1
        first = max(bisect.bisect_right(self._times_ns, began_ns) - 1, 0)
        after = min(bisect.bisect_left(self._times_ns, ended_ns), last)
        waited_s = self._sums_s[after] - self._sums_s[first]
        return min(waited_s, (ended_ns - began_ns) / NS_PER_S)


def find_gaps(
    frames: Sequence[InferredFrame], kills: Sequence[ProcessKill], run_queue_waits: RunQueueWaits
) -> list[InferenceGap]:
    """Between each two frames."""
    found = []
    for before, after in itertools.pairwise(sorted(look.at_ns for look in frames)):
        hits = [strike for strike in kills if before < strike.at_ns < after]
        last = hits[-1] if hits else None
        began = last.at_ns if last else before
        found.append(
            InferenceGap(
                (after - began) / NS_PER_S, run_queue_waits.waited_between_s(began, after), last
            )
        )
    return found


def _run_queue_wait_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    try:
        return sum(int(thread.read_text().split()[1]) for thread in threads) / NS_PER_S
    except (OSError, IndexError):
        return 0.0  # it is gone; or a kernel that does not say so
