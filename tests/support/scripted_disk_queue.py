"""A queue of a disk that hangs when a test says so, for as long as it says, under the test's clock."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edged.clock import NS_PER_S
from support.clock import FakeClock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DiskHang:
    """A job that takes long.

    Attributes:
        seconds: how long.
        is_done_first: the job's work is done at the beginning of that time, not at its end.
    """

    seconds: float
    is_done_first: bool = False


class ScriptedDiskQueue:
    """Does each job at once, as `InlineDiskQueue` does, except those that hang.

    Args:
        clock: the clock of the hangs.
        find_hang: gets the number of a job, from 1; returns how it hangs, or None. By default none does.
    """

    def __init__(
        self, clock: FakeClock, find_hang: Callable[[int], DiskHang | None] = lambda _: None
    ) -> None:
        self._clock = clock
        self._find_hang = find_hang
        self._next_hang: DiskHang | None = None
        self.count = 0
        """Number of the jobs that were begun."""
        self._jobs: deque[Callable[[], Callable[[], object]]] = deque()
        self._report: Callable[[], object] | None = None
        self._began_ns: int | None = None
        self._until_ns = 0

    @property
    def is_hanging(self) -> bool:
        """True while a job hangs."""
        return self._began_ns is not None

    @property
    def silent_s(self) -> float:
        """Seconds since the job that hangs was begun; 0.0 if none does."""
        if self._began_ns is None:
            return 0.0
        return (self._clock.monotonic_ns() - self._began_ns) / NS_PER_S

    def submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        """Do a job, now or after those that hang."""

        def do_job() -> Callable[[], object]:
            result = job()
            return lambda: on_done(result)

        self._jobs.append(do_job)
        self._run()

    def hang_next(self, seconds: float = 1e6, *, is_done_first: bool = False) -> None:
        """Let the next job hang."""
        self._next_hang = DiskHang(seconds, is_done_first)

    def poll(self) -> None:
        """End a hang whose time is over; call it in each turn of the loop."""
        if self._began_ns is None or self._clock.monotonic_ns() < self._until_ns:
            return
        self._began_ns = None
        report = self._report or self._jobs.popleft()()
        self._report = None
        report()
        self._run()

    def answer(self) -> None:
        """End the present hang."""
        self._until_ns = 0
        self.poll()

    def report_next(self, timeout_s: float) -> bool:
        """Return False: a result is reported when the clock has come to it."""
        del timeout_s
        return False

    def finish(self, timeout_s: float) -> bool:  # noqa: ARG002 - the protocol has it; the clock stands still
        """Return whether all jobs are done."""
        return not self.is_hanging and not self._jobs

    def _run(self) -> None:
        while self._jobs and not self.is_hanging:
            self.count += 1
            hang, self._next_hang = self._next_hang or self._find_hang(self.count), None
            if hang is None:
                self._jobs.popleft()()()
                continue
            self._began_ns = self._clock.monotonic_ns()
            self._until_ns = self._began_ns + int(hang.seconds * NS_PER_S)
            if hang.is_done_first:
                self._report = self._jobs.popleft()()
