"""The state of one vision worker, as `edged.vision.pool` keeps it."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from edged.backoff import Backoff
from edged.vision.messages import (
    ModelLoading,
    VisionJob,
    WorkerFault,
    WorkerPlan,
)
from edged.vision.picture_messages import PictureRequest
from edged.vision.silence import Silence
from edged.vision.worker_loss import find_outside_cause


class WorkerProcess(Protocol):
    """One run of a worker; `edged.vision.process.VisionProcess` is the real one."""

    @property
    def pid(self) -> int:
        """The process id."""

    @property
    def has_unread(self) -> bool:
        """Whether it has sent something that was not read yet."""

    def send_plan(self, plan: WorkerPlan) -> None:
        """Send another plan.

        Raises:
            PacketError: the plan is too large.
        """

    def request_picture(self, request: PictureRequest) -> bool:
        """Ask for a picture; return False if the worker cannot take the request now."""

    def request_stop(self) -> None:
        """Ask the worker to close its cameras and to end; its end is reported as `WorkerExited`."""

    def kill(self) -> None:
        """End the process now; its end is reported as `WorkerExited`."""


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
        phase_since_ns: when the phase began, on the pool's time line.
        last_message_ns: when the worker last gave a sign of life, on the pool's time line.
        silence: measures how long it has given none.
        loading: what it last announced to load while it runs; None if it loads nothing.
        start_due_ns: when a WAITING worker is started, on the pool's time line.
        kill_reason: why the process was killed; None if it was not.
        kill_cause: what outside the model explains that it had to be killed; None if nothing does.
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
    silence: Silence = field(default_factory=Silence)
    loading: ModelLoading | None = None
    start_due_ns: int = 0
    kill_reason: str | None = None
    kill_cause: str | None = None
    fault: WorkerFault | None = None
    consecutive_losses: int = 0

    @property
    def is_loading(self) -> bool:
        """True while its process starts, or loads a model beside the active one."""
        return self.phase is Phase.STARTING or self.loading is not None

    @property
    def uses_delegate(self) -> bool:
        """True if a model that it runs or loads is for an accelerator."""
        plan = self.job.plan
        return any(
            model is not None and model.delegate is not None for model in (plan.model, plan.shadow)
        )

    def explain_loss(self, exit_reason: str) -> str | None:
        """Return what outside the model explains that its process ended; None if the model can be the cause."""
        if self.kill_reason is not None:
            return self.kill_cause
        return find_outside_cause(self.fault, exit_reason, uses_delegate=self.uses_delegate)
