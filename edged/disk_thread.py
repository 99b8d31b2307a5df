"""Work on a disk, done in order by a thread of its own, so that a disk that hangs stops nothing else.

A disk can be silent for minutes: an SD card that collects garbage, a network file system without its server. Python releases its lock in
every system call, so only the thread that waits for the disk stands still.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from edged.clock import NS_PER_S, Clock, Deadline

T = TypeVar("T")
Post = Callable[[Callable[[], object]], None]
"""Makes a call in the owner's thread: `edged.event_loop.EventLoop.call_soon`."""


class DiskQueue(Protocol):
    """Does jobs in the order in which they are submitted, and reports each result in the owner's thread.

    Whoever submits jobs bounds their number: it waits for a result before it submits the next job of the same kind.
    """

    @property
    def silent_s(self) -> float:
        """Seconds since the job that is being done was begun; 0.0 if there is none."""

    def submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        """Do a job, and report its result.

        Args:
            job: returns the result; it handles the disk's errors, so what it raises ends the daemon.
            on_done: called with the result in the owner's thread.
        """

    def report_next(self, timeout_s: float) -> bool:
        """Wait for the next result, at most `timeout_s` seconds, and report it; return False if there is none by then."""

    def finish(self, timeout_s: float) -> bool:
        """Do what is left and what the reports submit, report the results, and end; return whether all was done within `timeout_s` seconds."""


class InlineDiskQueue:
    """Does each job at once, in the owner's thread: for commands, which may wait for a disk."""

    silent_s = 0.0

    def submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        """Do the job and report its result, before returning."""
        on_done(job())

    def report_next(self, timeout_s: float) -> bool:
        """Return False: every result is reported already."""
        del timeout_s
        return False

    def finish(self, timeout_s: float) -> bool:
        """Return True: nothing is left."""
        del timeout_s
        return True


class DiskThread:
    """Does the jobs in a thread of its own."""

    def __init__(self, name: str, *, clock: Clock, post: Post) -> None:
        """Start no thread yet: the first job does.

        Args:
            name: the thread's name.
            clock: the clock of `silent_s`.
            post: makes a call in the owner's thread; the results are reported through it.
        """
        self._clock = clock
        self._post = post
        self._jobs: SimpleQueue[Callable[[], Callable[[], object]] | None] = SimpleQueue()
        self._reports: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._unreported_count = 0
        self._began_ns: int | None = None
        # A daemon thread: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._is_started = False

    @property
    def silent_s(self) -> float:
        """Seconds since the job that is being done was begun; 0.0 if there is none."""
        began_ns = self._began_ns
        return 0.0 if began_ns is None else (self._clock.monotonic_ns() - began_ns) / NS_PER_S

    def submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        """Do a job in the thread, and report its result in the owner's thread."""
        self._unreported_count += 1
        if not self._is_started:
            self._is_started = True
            self._thread.start()

        def do_job() -> Callable[[], object]:
            result = job()
            return lambda: on_done(result)

        self._jobs.put(do_job)

    def report_next(self, timeout_s: float) -> bool:
        """Wait for the next result, at most `timeout_s` seconds, and report it; return False if there is none by then."""
        if not self._unreported_count:
            return False
        try:
            report = self._reports.get(timeout=timeout_s)
        except Empty:
            return False
        self._unreported_count -= 1
        report()
        return True

    def finish(self, timeout_s: float) -> bool:
        """Do what is left and what the reports submit, and end; return whether all was done within `timeout_s` seconds.

        The results are reported in this call.
        """
        deadline = Deadline(self._clock, timeout_s)
        while self._unreported_count and self.report_next(deadline.remaining_s):
            pass
        self._jobs.put(None)
        if self._is_started:
            self._thread.join(deadline.remaining_s)
        return not (self._unreported_count or self._thread.is_alive())

    def _run(self) -> None:
        while (do_job := self._jobs.get()) is not None:
            self._began_ns = self._clock.monotonic_ns()
            try:
                report = do_job()
            except BaseException as error:  # noqa: BLE001 (a bug; it must end the daemon, not only this thread)
                report = _make_raiser(error)
            self._began_ns = None
            self._reports.put(report)
            self._post(self._report)

    def _report(self) -> None:
        """Report what is done; the order is that of the jobs."""
        while not self._reports.empty():
            report = self._reports.get()
            self._unreported_count -= 1
            report()


def _make_raiser(error: BaseException) -> Callable[[], object]:
    def raise_error() -> object:
        raise error

    return raise_error
