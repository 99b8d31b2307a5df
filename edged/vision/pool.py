"""The vision workers: started, watched and replaced.

Each is STARTING until it says `ModelReady`, then RUNNING; when it ends it is WAITING until its back-off is over, and is
started again. One that does not start, or stays silent, in time is ENDING: killed, and WAITING once its process is gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock, Deadline
from edged.vision.messages import ModelReady, VisionJob, WorkerFault, WorkerPlan
from edged.vision.worker_events import WorkerExited, WorkerMessage

MAX_START_S = 60.0
"""A USB accelerator uploads its firmware first; a slow card reads a large model."""
MAX_KILL_S = 10.0
"""A process that survives SIGKILL for so long is stuck in a driver."""
MIN_STABLE_S = 10.0
"""A worker that ran for so long has earned a prompt restart."""
_MIN_RETRY_S = 0.2
_MAX_RETRY_S = 30.0
_NEVER_NS = 2**63
MAX_CONSECUTIVE_LOSSES = 20
"""Deaths in a row without one report in between: replacing does not help."""


class WorkerProcess(Protocol):
    """One run of a worker; `edged.vision.process.VisionProcess` is the real one."""

    @property
    def pid(self) -> int:
        """Of the child."""

    def send_plan(self, plan: WorkerPlan) -> None:
        """Look with another model from now on."""

    def request_stop(self) -> None:
        """Let it close its cameras and end."""

    def kill(self) -> None:
        """End it now."""

    def join(self, timeout_s: float = ...) -> bool:
        """Reap it; whether it has ended in time."""


Launch = Callable[[VisionJob, int, int], WorkerProcess]
"""Starts a job as this worker's run of this number."""


class Phase(Enum):
    """Of one worker; the module's docstring tells the story."""

    STARTING = auto()
    RUNNING = auto()
    ENDING = auto()
    WAITING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLoss:
    """A worker ended. `fault` is what it said of itself before, if it did."""

    worker: int
    reason: str
    fault: WorkerFault | None
    retry_in_s: float


@dataclass(slots=True)
class _Worker:
    job: VisionJob
    backoff: Backoff
    phase: Phase = Phase.WAITING
    run: int = 0
    process: WorkerProcess | None = None
    phase_since_ns: int = 0
    """When the phase began."""
    last_message_ns: int = 0
    start_due_ns: int = 0
    """When a WAITING one is started."""
    kill_reason: str = ""
    fault: WorkerFault | None = None
    consecutive_losses: int = 0


class WorkerPool:
    """All vision workers, by index."""

    def __init__(
        self,
        jobs: Sequence[VisionJob],
        *,
        hang_s: float,
        clock: Clock,
        launch: Launch,
        first_run: int = 0,
    ) -> None:
        self._workers = [
            _Worker(job, Backoff(initial_s=_MIN_RETRY_S, max_s=_MAX_RETRY_S), run=first_run)
            for job in jobs
        ]
        self._hang_s = hang_s
        self._clock = clock
        self._launch = launch

    def job(self, worker: int) -> VisionJob:
        """What that worker was told."""
        return self._workers[worker].job

    def update_jobs(self, jobs: Sequence[VisionJob]) -> None:
        """The same cameras, other plans: who runs is told, who is started later begins with them."""
        for member, job in zip(self._workers, jobs, strict=True):
            member.job = job
            if member.process:
                member.process.send_plan(job.plan)

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    def pids(self) -> dict[int, int]:
        """Of the processes that there are now, by worker."""
        return {i: m.process.pid for i, m in enumerate(self._workers) if m.process}

    @property
    def next_run(self) -> int:
        """A run number that no process of this crew has had."""
        return 1 + max((m.run for m in self._workers), default=0)

    @property
    def unrecoverable_reason(self) -> str:
        """Why replacing workers does not help any more; "" while it may."""
        now_ns = self._clock.monotonic_ns()
        for index, member in enumerate(self._workers):
            if (
                member.phase is Phase.ENDING
                and now_ns - member.phase_since_ns > MAX_KILL_S * NS_PER_S
            ):
                return f"worker {index} does not die of SIGKILL: it is stuck in a driver"
            if member.consecutive_losses >= MAX_CONSECUTIVE_LOSSES:
                return f"worker {index} died {member.consecutive_losses} times in a row"
        return ""

    def on_message(self, item: WorkerMessage) -> bool:
        """Note a sign of life; whether it is from a process that still counts."""
        member = self._find_current(item)
        if member is None:
            return False
        member.last_message_ns = self._clock.monotonic_ns()
        if isinstance(item.message, ModelReady):
            if member.phase is Phase.STARTING:
                self._enter_phase(member, Phase.RUNNING)
        elif isinstance(item.message, WorkerFault):
            member.fault = item.message
        else:
            member.consecutive_losses = 0
            if member.last_message_ns - member.phase_since_ns > MIN_STABLE_S * NS_PER_S:
                member.backoff.reset()
        return True

    def on_exit(self, item: WorkerExited) -> WorkerLoss | None:
        """A process has ended: plan the next; None if it was an old one."""
        member = self._find_current(item)
        if member is None:
            return None
        now_ns = self._clock.monotonic_ns()
        retry_in_s = member.backoff.next_wait_s()
        loss = WorkerLoss(
            worker=item.worker,
            reason=member.kill_reason or item.reason,
            fault=member.fault,
            retry_in_s=retry_in_s,
        )
        member.consecutive_losses += member.fault is None
        member.process = None
        member.start_due_ns = now_ns + int(retry_in_s * NS_PER_S)
        self._enter_phase(member, Phase.WAITING)
        return loss

    def retry_now(self) -> None:
        """Whoever waits is started now: what kept it from running may have been mended."""
        for member in self._workers:
            member.backoff.reset()
            member.start_due_ns = 0

    def tick(self) -> None:
        """Start what is due, kill what is silent."""
        now_ns = self._clock.monotonic_ns()
        for index, member in enumerate(self._workers):
            match member.phase:
                case Phase.WAITING if now_ns >= member.start_due_ns:
                    self._start(index, member)
                case Phase.STARTING if now_ns - member.phase_since_ns > MAX_START_S * NS_PER_S:
                    self._kill(member, f"did not start within {MAX_START_S:g} s")
                case Phase.RUNNING if now_ns - member.last_message_ns > self._hang_s * NS_PER_S:
                    self._kill(member, f"made no progress for {self._hang_s:g} s")
                case _:
                    pass

    def stop(self, timeout_s: float) -> None:
        """End all processes: politely, and then not."""
        processes = [m.process for m in self._workers if m.process]
        for process in processes:
            process.request_stop()
        deadline = Deadline(self._clock, timeout_s)
        for process in processes:
            if not process.join(deadline.remaining_s):
                process.kill()
                process.join()
        for member in self._workers:
            member.process = None
            member.start_due_ns = _NEVER_NS
            self._enter_phase(member, Phase.WAITING)

    def _find_current(self, item: WorkerMessage | WorkerExited) -> _Worker | None:
        """Whom an item is from; None if its process, or even its crew, has been replaced."""
        if item.worker >= len(self._workers):
            return None
        member = self._workers[item.worker]
        return None if item.run != member.run or member.phase is Phase.WAITING else member

    def _start(self, index: int, worker: _Worker) -> None:
        worker.run += 1
        worker.fault = None
        worker.kill_reason = ""
        worker.process = self._launch(worker.job, index, worker.run)
        self._enter_phase(worker, Phase.STARTING)

    def _kill(self, worker: _Worker, reason: str) -> None:
        worker.kill_reason = reason
        if worker.process:
            worker.process.kill()
        self._enter_phase(worker, Phase.ENDING)

    def _enter_phase(self, worker: _Worker, phase: Phase) -> None:
        worker.phase = phase
        worker.phase_since_ns = worker.last_message_ns = self._clock.monotonic_ns()
