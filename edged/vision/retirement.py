"""The processes that are to end: those of workers that were replaced, and at the end of the daemon all of them."""

from dataclasses import dataclass

from edged.clock import Clock, Deadline
from edged.vision.worker_state import WorkerProcess

_KILL_TIMEOUT_S = 2.0
"""A process that survives SIGKILL for so long is stuck in a driver, and is left behind."""


@dataclass(slots=True)
class _Retired:
    """One process that was asked to end.

    Attributes:
        process: the process.
        deadline: when it is killed, or, once it was, left behind.
        is_killed: it was killed.
    """

    process: WorkerProcess
    deadline: Deadline
    is_killed: bool = False


class RetiredProcesses:
    """Asks processes to end, and kills those that do not; nothing waits for them."""

    def __init__(self, clock: Clock) -> None:
        """Begin without any.

        Args:
            clock: the clock of the deadlines.
        """
        self._clock = clock
        self._retired: dict[int, _Retired] = {}

    def __bool__(self) -> bool:
        """Return whether one of them has not ended: its cameras may still be in use."""
        return bool(self._retired)

    def add(self, process: WorkerProcess, run: int, timeout_s: float) -> None:
        """Ask a process to end.

        Args:
            process: the process.
            run: number of its run.
            timeout_s: seconds after which it is killed.
        """
        self._retired[run] = _Retired(process, Deadline(self._clock, timeout_s))
        process.request_stop()

    def on_exit(self, run: int) -> None:
        """Take note that a process has ended; does nothing if it is none of these."""
        self._retired.pop(run, None)

    def tick(self) -> None:
        """Kill what is overdue; call it several times a second."""
        for run, retired in list(self._retired.items()):
            if not retired.deadline.expired:
                continue
            if retired.is_killed:
                del self._retired[run]
                continue
            retired.is_killed = True
            retired.deadline = Deadline(self._clock, _KILL_TIMEOUT_S)
            retired.process.kill()
