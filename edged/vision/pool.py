"""The vision workers: started, watched and replaced.

Each is STARTING until it says `Ready`, then RUNNING; when it ends it is WAITING until its back-off is over, and is
started again. One that does not start, or stays silent, in time is ENDING: killed, and WAITING once its process is gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock, Deadline
from edged.vision.messages import Fault, Plan, Ready, VisionJob
from edged.vision.messages_in import Gone, Heard

START_LIMIT_S = 60.0
"""A USB accelerator uploads its firmware first; a slow card reads a large model."""
UNKILLABLE_S = 10.0
"""A process that survives SIGKILL for so long is stuck in a driver."""
SETTLED_S = 10.0
"""A worker that ran for so long has earned a prompt restart."""
_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 30.0
_NEVER_NS = 2**63
HOPELESS_LOSSES = 20
"""Deaths in a row without one report in between: replacing does not help."""


class Process(Protocol):
    """One run of a worker; `edged.vision.process.VisionProcess` is the real one."""

    @property
    def pid(self) -> int:
        """Of the child."""

    def tell(self, plan: Plan) -> None:
        """Look with another model from now on."""

    def ask_to_end(self) -> None:
        """Let it close its cameras and end."""

    def kill(self) -> None:
        """End it now."""

    def join(self, timeout_s: float = ...) -> bool:
        """Reap it; whether it has ended in time."""


Launch = Callable[[VisionJob, int, int], Process]
"""Starts a job as this worker's run of this number."""


class Phase(Enum):
    """Of one worker; the module's docstring tells the story."""

    STARTING = auto()
    RUNNING = auto()
    ENDING = auto()
    WAITING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A worker ended. `fault` is what it said of itself before, if it did."""

    worker: int
    reason: str
    fault: Fault | None
    retry_in_s: float


@dataclass(slots=True)
class _Member:
    job: VisionJob
    backoff: Backoff
    phase: Phase = Phase.WAITING
    run: int = 0
    process: Process | None = None
    since_ns: int = 0
    """When the phase began."""
    heard_ns: int = 0
    due_ns: int = 0
    """When a WAITING one is started."""
    ended_for: str = ""
    fault: Fault | None = None
    losses_in_a_row: int = 0


class Crew:
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
        self._members = [
            _Member(job, Backoff(first_s=_FIRST_RETRY_S, cap_s=_LAST_RETRY_S), run=first_run)
            for job in jobs
        ]
        self._hang_s = hang_s
        self._clock = clock
        self._launch = launch

    def job(self, worker: int) -> VisionJob:
        """What that worker was told."""
        return self._members[worker].job

    def follow(self, jobs: Sequence[VisionJob]) -> None:
        """The same cameras, other plans: who runs is told, who is started later begins with them."""
        for member, job in zip(self._members, jobs, strict=True):
            member.job = job
            if member.process:
                member.process.tell(job.plan)

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._members)

    def pids(self) -> dict[int, int]:
        """Of the processes that there are now, by worker."""
        return {i: m.process.pid for i, m in enumerate(self._members) if m.process}

    @property
    def next_run(self) -> int:
        """A run number that no process of this crew has had."""
        return 1 + max((m.run for m in self._members), default=0)

    @property
    def hopeless(self) -> str:
        """Why replacing workers does not help any more; "" while it may."""
        now_ns = self._clock.monotonic_ns()
        for index, member in enumerate(self._members):
            if member.phase is Phase.ENDING and now_ns - member.since_ns > UNKILLABLE_S * NS_PER_S:
                return f"worker {index} does not die of SIGKILL: it is stuck in a driver"
            if member.losses_in_a_row >= HOPELESS_LOSSES:
                return f"worker {index} died {member.losses_in_a_row} times in a row"
        return ""

    def heard(self, item: Heard) -> bool:
        """Note a sign of life; whether it is from a process that still counts."""
        member = self._current(item)
        if member is None:
            return False
        member.heard_ns = self._clock.monotonic_ns()
        if isinstance(item.message, Ready):
            if member.phase is Phase.STARTING:
                self._enter(member, Phase.RUNNING)
        elif isinstance(item.message, Fault):
            member.fault = item.message
        else:
            member.losses_in_a_row = 0
            if member.heard_ns - member.since_ns > SETTLED_S * NS_PER_S:
                member.backoff.reset()
        return True

    def gone(self, item: Gone) -> Loss | None:
        """A process has ended: plan the next; None if it was an old one."""
        member = self._current(item)
        if member is None:
            return None
        now_ns = self._clock.monotonic_ns()
        retry_in_s = member.backoff.next_s()
        loss = Loss(
            worker=item.worker,
            reason=member.ended_for or item.reason,
            fault=member.fault,
            retry_in_s=retry_in_s,
        )
        member.losses_in_a_row += member.fault is None
        member.process = None
        member.due_ns = now_ns + int(retry_in_s * NS_PER_S)
        self._enter(member, Phase.WAITING)
        return loss

    def hurry(self) -> None:
        """Whoever waits is started now: what kept it from running may have been mended."""
        for member in self._members:
            member.backoff.reset()
            member.due_ns = 0

    def tick(self) -> None:
        """Start what is due, kill what is silent."""
        now_ns = self._clock.monotonic_ns()
        for index, member in enumerate(self._members):
            match member.phase:
                case Phase.WAITING if now_ns >= member.due_ns:
                    self._start(index, member)
                case Phase.STARTING if now_ns - member.since_ns > START_LIMIT_S * NS_PER_S:
                    self._kill(member, f"did not start within {START_LIMIT_S:g} s")
                case Phase.RUNNING if now_ns - member.heard_ns > self._hang_s * NS_PER_S:
                    self._kill(member, f"made no progress for {self._hang_s:g} s")
                case _:
                    pass

    def stop(self, timeout_s: float) -> None:
        """End all processes: politely, and then not."""
        processes = [m.process for m in self._members if m.process]
        for process in processes:
            process.ask_to_end()
        deadline = Deadline(self._clock, timeout_s)
        for process in processes:
            if not process.join(deadline.remaining_s):
                process.kill()
                process.join()
        for member in self._members:
            member.process = None
            member.due_ns = _NEVER_NS
            self._enter(member, Phase.WAITING)

    def _current(self, item: Heard | Gone) -> _Member | None:
        """Whom an item is from; None if its process, or even its crew, has been replaced."""
        if item.worker >= len(self._members):
            return None
        member = self._members[item.worker]
        return None if item.run != member.run or member.phase is Phase.WAITING else member

    def _start(self, index: int, member: _Member) -> None:
        member.run += 1
        member.fault = None
        member.ended_for = ""
        member.process = self._launch(member.job, index, member.run)
        self._enter(member, Phase.STARTING)

    def _kill(self, member: _Member, reason: str) -> None:
        member.ended_for = reason
        if member.process:
            member.process.kill()
        self._enter(member, Phase.ENDING)

    def _enter(self, member: _Member, phase: Phase) -> None:
        member.phase = phase
        member.since_ns = member.heard_ns = self._clock.monotonic_ns()
