"""Gaps in inference, from the inferred frames; and how much of each the processes waited for a processor."""

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
    """The kill of a process.

    Attributes:
        victim: kind of process, or `ALL_PROCESSES`.
        at_ns: monotonic time.
        state: state of the deployment in flight at that moment; "" without one.
    """

    victim: str
    at_ns: int
    state: str


@dataclass(frozen=True, slots=True)
class InferredFrame:
    """An inferred frame: when it was received (monotonic), and the model."""

    at_ns: int
    model: str


@dataclass(frozen=True, slots=True)
class InferenceGap:
    """A time without inference.

    Attributes:
        seconds: its length from the last kill in it, or from the frame before it.
        cpu_wait_s: for how much of that the inferring processes waited for a processor.
        after_kill: the last kill in it; None without one.
    """

    seconds: float
    cpu_wait_s: float
    after_kill: ProcessKill | None


class RunQueueWaits:
    """The time that processes waited for a processor while they were ready to run: it is not the daemon's fault."""

    def __init__(self) -> None:
        self._times_ns = [time.monotonic_ns()]
        self._sums_s = [0.0]
        self._last_s: dict[int, float] = {}

    def sample(self, pids: Callable[[], Iterable[int]]) -> None:
        """Read the waiting times from the kernel, at most ten times a second; processes that wait at the same time count once."""
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
        """Return the waiting time between two moments, in seconds."""
        last = len(self._times_ns) - 1
        first = max(bisect.bisect_right(self._times_ns, began_ns) - 1, 0)
        after = min(bisect.bisect_left(self._times_ns, ended_ns), last)
        waited_s = self._sums_s[after] - self._sums_s[first]
        return min(waited_s, (ended_ns - began_ns) / NS_PER_S)


def find_gaps(
    frames: Sequence[InferredFrame], kills: Sequence[ProcessKill], run_queue_waits: RunQueueWaits
) -> list[InferenceGap]:
    """Return the gap between each two frames.

    Args:
        frames: the inferred frames.
        kills: the kills.
        run_queue_waits: waiting times of the inferring processes.
    """
    gaps = []
    for before, after in itertools.pairwise(sorted(frame.at_ns for frame in frames)):
        during = [kill for kill in kills if before < kill.at_ns < after]
        last = during[-1] if during else None
        began = last.at_ns if last else before
        gaps.append(
            InferenceGap(
                (after - began) / NS_PER_S, run_queue_waits.waited_between_s(began, after), last
            )
        )
    return gaps


def _run_queue_wait_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    try:
        return sum(int(thread.read_text().split()[1]) for thread in threads) / NS_PER_S
    except (OSError, IndexError):
        return 0.0  # the process has ended, or the kernel has no schedstat
