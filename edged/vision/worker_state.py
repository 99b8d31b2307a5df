"""The state of one vision worker, as `edged.vision.pool` keeps it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from edged.backoff import Backoff
from edged.vision.messages import VisionJob, WorkerFault, WorkerPlan


class WorkerProcess(Protocol):
    """One run of a worker; `edged.vision.process.VisionProcess` is the real one."""

    @property
    def pid(self) -> int:
        """The process id."""

    def send_plan(self, plan: WorkerPlan) -> None:
        """Send another plan.

        Raises:
            PacketError: the plan is too large.
        """

    def request_stop(self) -> None:
        """Ask the worker to close its cameras and to end."""

    def kill(self) -> None:
        """End the process now."""

    def join(self, timeout_s: float) -> bool:
        """Reap the process; return whether it has ended in time."""


class Phase(Enum):
    """The phase of one worker; `edged.vision.pool` explains them."""

    STARTING = auto()
    RUNNING = auto()
    ENDING = auto()
    WAITING = auto()


@dataclass(slots=True, eq=False)
class WorkerState:
    """One worker: its job, and the process that has it, if one runs.

    Attributes:
        number: number of the worker.
        job: its cameras and its newest plan.
        backoff: between two starts.
        phase: what the worker is doing.
        run: number of the newest process.
        process: the newest process; None while none runs.
        phase_since_ns: when the phase began, monotonic.
        last_message_ns: when the worker last gave a sign of life, monotonic.
        start_due_ns: when a WAITING worker is started, monotonic.
        kill_reason: why the process was killed; None if it was not.
        fault: what the process reported as its last message; None if nothing.
        consecutive_losses: unexplained losses since the last report.
    """

    number: int
    job: VisionJob
    backoff: Backoff
    phase: Phase = Phase.WAITING
    run: int = 0
    process: WorkerProcess | None = None
    phase_since_ns: int = 0
    last_message_ns: int = 0
    start_due_ns: int = 0
    kill_reason: str | None = None
    fault: WorkerFault | None = None
    consecutive_losses: int = 0
