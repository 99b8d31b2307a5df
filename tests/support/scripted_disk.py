"""A disk queue whose jobs are done, and whose results are reported, when the test wants it."""

from collections.abc import Callable
from typing import Any


class ScriptedDisk:
    """Does nothing by itself: `work` does the next job, `report` reports the oldest result that is not reported yet."""

    def __init__(self) -> None:
        self.silent_s = 0.0
        self.answers_at_end = True
        """Whether the disk still works when `finish` is called."""
        self._jobs: list[tuple[Callable[[], Any], Callable[[Any], object]]] = []
        self._results: list[tuple[Any, Callable[[Any], object]]] = []

    @property
    def job_count(self) -> int:
        """Jobs that are not done."""
        return len(self._jobs)

    @property
    def result_count(self) -> int:
        """Results that are not reported."""
        return len(self._results)

    def submit(self, job: Callable[[], Any], on_done: Callable[[Any], object]) -> None:
        assert not self._jobs, "a second job"
        assert not self._results, "a job before the result of the last one"
        self._jobs.append((job, on_done))

    def work(self) -> bool:
        """Do the next job; return whether there was one."""
        if not self._jobs:
            return False
        job, on_done = self._jobs.pop(0)
        self._results.append((job(), on_done))
        return True

    def report(self) -> bool:
        """Report the oldest result; return whether there was one."""
        if not self._results:
            return False
        result, on_done = self._results.pop(0)
        on_done(result)
        return True

    def settle(self) -> None:
        """Do and report everything, also what the results submit."""
        while self.report() or self.work():
            pass

    def report_next(self, timeout_s: float) -> bool:
        del timeout_s
        self.work()
        return self.report()

    def finish(self, timeout_s: float) -> bool:
        del timeout_s
        if self.answers_at_end:
            self.settle()
        return not (self._jobs or self._results)
