"""The vision workers: started, watched and replaced.

Each is STARTING until it reports `ModelReady`, then RUNNING; when it has ended it is WAITING until its back-off is over, and is
started again. One that does not start, or stays silent for too long, is ENDING: killed, and WAITING once its process has ended. A pause is not a death: the pool's time line stands still while the supervisor itself is paused, and what a worker has sent is read before
its silence is judged. `edged.vision.hang` judges a silent worker. Nothing here waits for a process to end.
"""

import itertools
from collections.abc import Callable, Sequence

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock, PauseFreeClock
from edged.errors import PacketError, WorkerError
from edged.vision.hang import MAX_START_S, find_hang
from edged.vision.messages import ModelLoading, ModelReady, VisionJob, WorkerFault
from edged.vision.process import WorkerExited, WorkerMessage
from edged.vision.retirement import RetiredProcesses
from edged.vision.worker_loss import WorkerLoss
from edged.vision.worker_state import Phase, WorkerProcess, WorkerState

MAX_TICK_GAP_S = 0.5
"""The supervisor's loop ticks every quarter of a second: what is longer was a pause of the supervisor itself."""
MAX_KILL_S = 10.0
"""A process that survives SIGKILL for so long is stuck in a driver."""
MIN_STABLE_S = 10.0
"""A worker that ran for so long is restarted promptly."""
MAX_CONSECUTIVE_LOSSES = 20
"""Unexplained losses in a row without one report in between, after which replacing does not help."""
_MIN_RETRY_S = 0.2
_MAX_RETRY_S = 30.0

Launch = Callable[[VisionJob, int, int], WorkerProcess]
"""Starts a job as a worker's run: gets the job, the worker's number and the run's; raises `WorkerError`."""


class WorkerPool:
    """All vision workers, by number."""

    def __init__(
        self,
        jobs: Sequence[VisionJob],
        *,
        hang_s: float,
        clock: Clock,
        launch: Launch,
        max_step_s: float = MAX_START_S,
    ) -> None:
        """Start nothing yet: `tick` does.

        Args:
            jobs: one for each worker.
            hang_s: seconds of silence after which a worker is killed.
            clock: the clock of all times.
            launch: starts a worker's process.
            max_step_s: seconds between two calls that count at most: in a longer time the supervisor itself was paused.
        """
        self.hang_s = hang_s
        self._retired = RetiredProcesses(clock)
        self._time = PauseFreeClock(clock, max_step_s)
        self._launch = launch
        self._run_numbers = itertools.count(1)
        self._workers: dict[int, WorkerState] = {}
        self._is_stopped = False
        self.assign_jobs(jobs)

    @property
    def jobs(self) -> dict[int, VisionJob]:
        """The job of each worker, by its number."""
        return {number: worker.job for number, worker in self._workers.items()}

    @property
    def processes(self) -> dict[int, WorkerProcess]:
        """The processes that run now, by the worker's number."""
        return {number: w.process for number, w in self._workers.items() if w.process}

    @property
    def has_stopped(self) -> bool:
        """True once every process has ended after `stop`, or has survived SIGKILL."""
        return self._is_stopped and not self._retired

    @property
    def unrecoverable_reason(self) -> str | None:
        """The reason why replacing workers does not help any more; None while it may."""
        now_ns = self._time.monotonic_ns()
        for number, worker in self._workers.items():
            in_phase_ns = now_ns - worker.phase_since_ns
            if worker.phase is Phase.ENDING and in_phase_ns > MAX_KILL_S * NS_PER_S:
                return f"worker {number} survives SIGKILL: it is stuck in a driver"
            if worker.consecutive_losses >= MAX_CONSECUTIVE_LOSSES:
                return (
                    f"worker {number} ended unexpectedly {worker.consecutive_losses} times in a row"
                )
        return None

    def assign_jobs(
        self,
        jobs: Sequence[VisionJob],
        *,
        replace_all: bool = False,
        stop_timeout_s: float = 0.0,
    ) -> frozenset[int]:
        """Give the pool other jobs: a worker whose cameras stay the same only gets its new plan.

        New processes start when those that are replaced have ended: a camera is opened by one process at a time.

        Args:
            jobs: one for each worker.
            replace_all: True if no process can be kept.
            stop_timeout_s: seconds in which a process that is replaced can end by itself.

        Returns:
            The numbers of the workers that are gone or replaced.
        """
        before = self._workers
        workers = [None if replace_all else self._find_by_cameras(job) for job in jobs]
        kept = {worker.number for worker in workers if worker}
        free = itertools.filterfalse(kept.__contains__, itertools.count())
        self._workers = {}
        for worker, job in zip(workers, jobs, strict=True):
            if worker is None:
                backoff = Backoff(initial_s=_MIN_RETRY_S, max_s=_MAX_RETRY_S)
                worker = WorkerState(next(free), job, backoff)  # noqa: PLW2901 - a new one in its place
            else:
                self._change_plan(worker, job)
            self._workers[worker.number] = worker
        removed = [worker for worker in before.values() if worker not in self._workers.values()]
        for worker in removed:
            self._retire(worker, stop_timeout_s)
        return frozenset(worker.number for worker in removed)

    def on_message(self, item: WorkerMessage) -> bool:
        """Note a sign of life; return False if it is from a process that was replaced."""
        worker = self._find_current(item)
        if worker is None:
            return False
        now_ns = self._time.monotonic_ns()
        worker.last_message_ns = now_ns
        match item.message:
            case ModelReady():
                if worker.phase is Phase.STARTING:
                    self._enter_phase(worker, Phase.RUNNING)
            case WorkerFault() as fault:
                worker.fault = fault
            case ModelLoading() as loading:
                worker.loading = loading if loading.is_loading else None
            case _:
                worker.consecutive_losses = 0
                if now_ns - worker.phase_since_ns > MIN_STABLE_S * NS_PER_S:
                    worker.backoff.reset()
        return True

    def on_exit(self, item: WorkerExited) -> WorkerLoss | None:
        """Schedule the next run of a worker whose process has ended; return None if that process was to end."""
        self._retired.on_exit(item.run)
        worker = self._find_current(item)
        if worker is None or self._is_stopped:
            return None
        return self._schedule_restart(worker, item.reason)

    def retry_now(self) -> None:
        """Start every waiting worker at the next tick: what kept it from running may be solved."""
        for worker in self._workers.values():
            worker.backoff.reset()
            worker.start_due_ns = 0

    def tick(self) -> tuple[WorkerLoss, ...]:
        """Start what is due and kill what is silent; return the workers that could not be started."""
        self._retired.tick()
        now_ns = self._time.monotonic_ns()
        losses: list[WorkerLoss] = []
        for worker in self._workers.values() if not self._is_stopped else ():
            match worker.phase:
                case Phase.WAITING if now_ns >= worker.start_due_ns and not self._retired:
                    try:
                        self._start(worker)
                    except WorkerError as error:
                        losses.append(self._schedule_restart(worker, str(error)))
                case Phase.STARTING | Phase.RUNNING:
                    self._check_progress(worker, now_ns)
                case _:
                    pass
        return tuple(losses)

    def stop(self, timeout_s: float) -> None:
        """Ask all processes to end, and start none again; those that have not ended within `timeout_s` seconds are killed by `tick`."""
        self._is_stopped = True
        for worker in list(self._workers.values()):
            self._retire(worker, timeout_s)

    def _find_by_cameras(self, job: VisionJob) -> WorkerState | None:
        return next((w for w in self._workers.values() if w.job.cameras == job.cameras), None)

    def _retire(self, worker: WorkerState, timeout_s: float) -> None:
        if worker.process:
            self._retired.add(worker.process, worker.run, timeout_s)

    def _find_current(self, item: WorkerMessage | WorkerExited) -> WorkerState | None:
        """Return the worker that an item is from; None if its process was replaced."""
        worker = self._workers.get(item.worker)
        if worker is None or item.run != worker.run or worker.phase is Phase.WAITING:
            return None
        return worker

    def _change_plan(self, worker: WorkerState, job: VisionJob) -> None:
        is_same = worker.job == job
        worker.job = job
        if worker.process and not is_same:
            try:
                worker.process.send_plan(job.plan)
            except PacketError as error:
                self._kill(worker, str(error))

    def _check_progress(self, worker: WorkerState, now_ns: int) -> None:
        """Kill a worker that has been silent for too long while it could run."""
        hang = find_hang(worker, now_ns, self.hang_s)
        # What it has sent says that it does not hang; the loop reads it in its next pass.
        if hang is not None and worker.process and not worker.process.has_unread:
            worker.kill_cause = hang.outside_cause
            self._kill(worker, hang.reason)

    def _start(self, worker: WorkerState) -> None:
        worker.run = next(self._run_numbers)
        worker.fault = None
        worker.kill_reason = worker.kill_cause = worker.loading = None
        worker.process = self._launch(worker.job, worker.number, worker.run)
        self._enter_phase(worker, Phase.STARTING)

    def _schedule_restart(self, worker: WorkerState, reason: str) -> WorkerLoss:
        retry_in_s = worker.backoff.next_wait_s()
        worker.consecutive_losses += worker.fault is None
        worker.process = None
        worker.start_due_ns = self._time.monotonic_ns() + int(retry_in_s * NS_PER_S)
        self._enter_phase(worker, Phase.WAITING)
        return WorkerLoss(
            worker=worker.number,
            reason=worker.kill_reason or reason,
            fault=worker.fault,
            retry_in_s=retry_in_s,
            outside_cause=worker.explain_loss(reason),
        )

    def _kill(self, worker: WorkerState, reason: str) -> None:
        worker.kill_reason = reason
        if worker.process:
            worker.process.kill()
        self._enter_phase(worker, Phase.ENDING)

    def _enter_phase(self, worker: WorkerState, phase: Phase) -> None:
        worker.phase = phase
        worker.phase_since_ns = worker.last_message_ns = self._time.monotonic_ns()
