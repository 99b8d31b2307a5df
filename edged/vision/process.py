"""One run of a vision worker, seen from the supervisor, and what the supervisor learns of it."""

from collections.abc import Callable
from dataclasses import dataclass

from edged.ipc.process import ChildProcess
from edged.vision.messages import FromWorker, VisionJob, WorkerPlan
from edged.vision.packets import FROM_WORKER, TO_WORKER


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """A message from a vision worker.

    Attributes:
        worker: number of the worker.
        run: tells the worker's successive processes apart.
        message: the message.
    """

    worker: int
    run: int
    message: FromWorker


@dataclass(frozen=True, slots=True)
class WorkerExited:
    """The end of a vision worker's process.

    Attributes:
        worker: number of the worker.
        run: tells the worker's successive processes apart.
        reason: how it ended, for example ``was killed by SIGSEGV``.
    """

    worker: int
    run: int
    reason: str


class VisionProcess:
    """The process of one run of a worker."""

    def __init__(
        self,
        job: VisionJob,
        *,
        worker: int,
        run: int,
        notify: Callable[[WorkerMessage | WorkerExited], object],
    ) -> None:
        """Start the process.

        Args:
            job: its cameras and its first plan.
            worker: number of the worker.
            run: number of this run.
            notify: called from another thread with each message, and at last with `WorkerExited`.

        Raises:
            WorkerError: no process can be started.
            PacketError: the job is too large.
        """
        self._child = ChildProcess.start(
            "edged.vision.worker.main",
            sent=TO_WORKER,
            received=FROM_WORKER,
            first_message=job,
        )
        self._child.listen(
            lambda message: notify(WorkerMessage(worker, run, message)),
            lambda reason: notify(WorkerExited(worker, run, reason)),
            name=f"worker-{worker}-listener",
        )

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    def send_plan(self, plan: WorkerPlan) -> None:
        """Send a plan; if the process has ended, its successor starts with it.

        Raises:
            PacketError: the plan is too large.
        """
        self._child.send(plan)

    def request_stop(self) -> None:
        """Ask the worker to close its cameras and to end."""
        self._child.request_stop()

    def kill(self) -> None:
        """Send SIGKILL, which ends a hung process as well."""
        self._child.kill()

    def join(self, timeout_s: float) -> bool:
        """Reap the process; return whether it has ended within `timeout_s` seconds."""
        return self._child.join(timeout_s)
