"""A pause is not a death: what a worker could not report while it, or the supervisor, could not run is no silence."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edged.clock import NS_PER_S, PauseFreeClock
from edged.config.settings import ModelSettings
from edged.host.scheduling import find_obstacle, read_main_wait_s, read_waits_ns
from edged.vision.hang import MAX_START_S, MAX_STARVATION
from edged.vision.messages import (
    FromWorker,
    ModelLoading,
    VisionJob,
    WorkerFault,
    WorkerPlan,
    WorkerReport,
)
from edged.vision.picture_messages import PictureRequest
from edged.vision.pool import WorkerPool
from edged.vision.process import WorkerExited, WorkerMessage
from edged.vision.worker_loss import WorkerLoss
from support.clock import FakeClock
from support.waiting import wait_for
from support.worker_messages import model_ready

HANG_S = 5.0
TICK_S = 0.25
REPORT = WorkerReport(cameras=())


class RealPidProcess:
    """A stand-in for a worker's process, with the id of a real one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.has_unread = False
        self.killed = False

    def send_plan(self, plan: WorkerPlan) -> None:
        pass

    def request_picture(self, request: PictureRequest) -> bool:
        raise AssertionError(request)

    def request_stop(self) -> None:
        pass

    def kill(self) -> None:
        self.killed = True


class PauseBench:
    """A pool as the daemon makes it, with one running worker."""

    def __init__(self, pid: int | None = None, delegate: str | None = None) -> None:
        self.clock = FakeClock()
        self.process = RealPidProcess(pid or os.getpid())
        self.run = 0
        plan = WorkerPlan(model=ModelSettings(delegate=delegate))
        self.pool = WorkerPool(
            [VisionJob(plan=plan, cameras=())],
            hang_s=HANG_S,
            clock=self.clock,
            launch=self._launch,
            max_step_s=2 * TICK_S,
        )
        self.pool.tick()
        self.receive(model_ready())

    def _launch(self, job: VisionJob, worker: int, run: int) -> RealPidProcess:
        del job, worker
        self.run = run
        self.process = RealPidProcess(self.process.pid)
        return self.process

    def receive(self, message: FromWorker) -> None:
        self.pool.on_message(WorkerMessage(0, self.run, message))

    def pass_time(self, seconds: float) -> None:
        """Let the supervisor run for so long."""
        for _ in range(int(seconds / TICK_S)):
            self.clock.sleep(TICK_S)
            self.pool.tick()

    def pause(self, seconds: float) -> None:
        """Stop the supervisor for so long; its first turn afterwards is a tick."""
        self.clock.sleep(seconds)
        self.pool.tick()

    def was_killed(self) -> bool:
        """Return whether the pool killed the worker's present process."""
        return self.process.killed

    def lose(self, reason: str) -> WorkerLoss:
        loss = self.pool.on_exit(WorkerExited(0, self.run, reason))
        assert loss is not None
        return loss


@pytest.fixture
def stopped_pid() -> Iterator[int]:
    """A process that is stopped by a signal."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    os.kill(child.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: find_obstacle(child.pid))
        yield child.pid
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("pause_s", [HANG_S + 1, 60.0, 7200.0])
def test_a_pause_of_the_supervisor_kills_no_worker(pause_s: float) -> None:
    bench = PauseBench()
    for _ in range(5):
        bench.pause(pause_s)
        bench.receive(REPORT)
        bench.pass_time(HANG_S - 1)
        bench.receive(REPORT)
    assert not bench.was_killed()
    bench.pass_time(HANG_S + 1)
    assert bench.was_killed(), "it hangs all the same"


def test_a_supervisor_that_hardly_gets_a_processor_gives_a_worker_its_turns() -> None:
    bench = PauseBench()
    for _ in range(7):
        bench.pause(3.0)
    assert not bench.was_killed(), "it had seven turns to hear of it"
    for _ in range(7):
        bench.pause(3.0)
    assert bench.was_killed(), "a worker that hangs is found in the end"


def test_a_worker_that_loads_a_model_has_the_limit_of_a_start() -> None:
    bench = PauseBench()
    bench.receive(ModelLoading(is_loading=True))
    bench.pass_time(MAX_START_S - 1)
    assert not bench.was_killed(), (
        "a delegate that opens its device can keep the whole process from running"
    )
    bench.receive(ModelLoading(is_loading=False))
    bench.pass_time(HANG_S + 1)
    assert bench.was_killed()
    assert bench.lose("was killed by SIGKILL").outside_cause is None, "it had ended to load"


@pytest.mark.parametrize("delegate", ["libedgetpu.so.1", None])
def test_a_load_that_never_ends_is_the_accelerators_fault_where_there_is_one(
    delegate: str | None,
) -> None:
    bench = PauseBench(delegate=delegate)
    bench.receive(ModelLoading(is_loading=True))
    bench.pass_time(MAX_START_S + 1)
    loss = bench.lose("was killed by SIGKILL")
    assert loss.reason == "made no progress for 60 s while it loaded a model"
    assert bool(loss.outside_cause) is (delegate is not None)


def test_a_new_process_has_announced_nothing() -> None:
    bench = PauseBench()
    bench.receive(ModelLoading(is_loading=True))
    bench.lose("was killed by SIGKILL")
    bench.pass_time(1.0)
    bench.receive(model_ready())
    bench.pass_time(HANG_S + 1)
    assert bench.was_killed()


def test_a_worker_that_was_stopped_is_replaced_but_not_to_blame(stopped_pid: int) -> None:
    bench = PauseBench(stopped_pid)
    bench.pass_time(HANG_S + 1)
    loss = bench.lose("was killed by SIGKILL")
    assert loss.reason == "made no progress for 5 s"
    assert loss.outside_cause == "it was stopped by a signal"


def test_the_time_in_which_a_worker_waits_for_a_processor_is_no_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = PauseBench()
    monkeypatch.setattr(
        "edged.vision.silence.read_waits_ns",
        lambda _pid: {"1": 0, "2": int(bench.clock.monotonic_ns() * 0.9)},
    )
    bench.pass_time(2 * HANG_S)
    assert not bench.was_killed()
    bench.pass_time(MAX_STARVATION * HANG_S)
    assert bench.was_killed(), "inference must go on somehow"
    assert bench.lose("was killed by SIGKILL").outside_cause == "it got no processor"


@pytest.mark.parametrize(
    ("kind", "exit_reason", "delegate", "is_outside"),
    [
        (None, "was killed by SIGSEGV", None, False),
        (None, "was killed by SIGABRT", None, False),
        (None, "exited with 1", None, False),
        (None, "was killed by SIGKILL", None, True),
        (None, "was killed by SIGTERM", None, True),
        (None, "was killed by SIGBUS", None, True),
        ("model", "exited with 1", None, False),
        ("model", "exited with 1", "tpu", False),
        ("invoke", "exited with 1", None, False),
        ("invoke", "exited with 1", "tpu", True),
        ("delegate", "exited with 1", "tpu", True),
        ("internal", "exited with 1", None, True),
    ],
)
def test_which_losses_the_model_can_be_the_cause_of(
    kind: str | None, exit_reason: str, delegate: str | None, *, is_outside: bool
) -> None:
    bench = PauseBench(delegate=delegate)
    if kind is not None:
        bench.receive(WorkerFault(kind=kind, reason="no"))  # type: ignore[arg-type] # one of its kinds
    assert bool(bench.lose(exit_reason).outside_cause) is is_outside


def test_the_clock_without_pauses_never_goes_back_and_counts_a_pause_as_one_step() -> None:
    clock = FakeClock()
    unpaused = PauseFreeClock(clock, 0.5)
    began_ns = unpaused.monotonic_ns()
    for seconds, counted_s in ((0.25, 0.25), (0.5, 0.75), (3600.0, 1.25), (0.0, 1.25)):
        clock.sleep(seconds)
        assert (unpaused.monotonic_ns() - began_ns) / NS_PER_S == pytest.approx(counted_s)


def test_a_process_that_is_gone_has_neither_waits_nor_obstacles() -> None:
    assert read_waits_ns(1 << 30) == {}
    assert read_main_wait_s(1 << 30) == 0.0
    assert find_obstacle(1 << 30) is None
    assert find_obstacle(os.getpid()) is None
