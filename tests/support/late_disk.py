"""A disk queue whose disk answers when the test wants."""

from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class LateDiskQueue:
    """Keeps the jobs until `answer`; `silent_s` is the test's to set."""

    def __init__(self) -> None:
        self.silent_s = 0.0
        self.jobs: deque[Callable[[], object]] = deque()

    def submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        self.jobs.append(lambda: on_done(job()))

    def answer(self) -> None:
        """Do the oldest job, and report its result."""
        self.jobs.popleft()()

    def report_next(self, timeout_s: float) -> bool:
        del timeout_s
        return False

    def finish(self, timeout_s: float) -> bool:
        del timeout_s
        return not self.jobs
