"""Workers are started, watched and replaced; their processes are stand-ins, and time is simulated."""

import msgspec

from edged.config.settings import ModelSettings
from edged.errors import PacketError
from edged.vision.camera_messages import CameraJob
from edged.vision.hang import MAX_START_S
from edged.vision.messages import ModelReady, VisionJob, WorkerFault, WorkerPlan, WorkerReport
from edged.vision.picture_messages import PictureRequest
from edged.vision.pool import MAX_CONSECUTIVE_LOSSES, MAX_KILL_S, WorkerPool
from edged.vision.process import WorkerExited, WorkerMessage
from support.clock import FakeClock
from support.worker_messages import model_ready

HANG_S = 5.0
READY = model_ready()


class FakeWorkerProcess:
    pid = 4711
    has_unread = False

    def __init__(self) -> None:
        self.killed = False
        self.stop_requested = False
        self.plans: list[WorkerPlan] = []
        self.refuses_plans = False

    def send_plan(self, plan: WorkerPlan) -> None:
        if self.refuses_plans:
            raise PacketError("too large")
        self.plans.append(plan)

    def request_picture(self, request: PictureRequest) -> bool:
        raise AssertionError(request)

    def request_stop(self) -> None:
        self.stop_requested = True

    def kill(self) -> None:
        self.killed = True


class PoolBench:
    """A pool of one worker, its clock, and the processes that it launched."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.launched: list[FakeWorkerProcess] = []
        self.run = 0
        self.pool = WorkerPool(
            [VisionJob(plan=WorkerPlan(model=ModelSettings()), cameras=())],
            hang_s=HANG_S,
            clock=self.clock,
            launch=self._launch,
        )
        self.pool.tick()

    def _launch(self, job: VisionJob, worker: int, run: int) -> FakeWorkerProcess:
        del job, worker
        self.run = run
        self.launched.append(FakeWorkerProcess())
        return self.launched[-1]

    def receive(self, message: ModelReady | WorkerReport | WorkerFault) -> bool:
        return self.pool.on_message(WorkerMessage(0, self.run, message))

    def was_killed(self) -> bool:
        """Return whether the first process was killed."""
        return self.launched[0].killed

    def has_stopped(self) -> bool:
        """Return whether all processes have ended after `stop`."""
        return self.pool.has_stopped

    def pass_time(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.pool.tick()


def test_a_worker_that_reports_is_left_alone() -> None:
    stage = PoolBench()
    stage.receive(READY)
    for _ in range(20):
        stage.pass_time(HANG_S - 1)
        stage.receive(WorkerReport(cameras=()))
    assert not stage.launched[0].killed
    assert len(stage.launched) == 1


def test_a_silent_worker_is_killed_and_replaced() -> None:
    stage = PoolBench()
    stage.receive(READY)
    stage.pass_time(HANG_S + 0.1)
    assert stage.launched[0].killed
    loss = stage.pool.on_exit(WorkerExited(0, stage.run, "was killed by SIGKILL"))
    assert loss is not None
    assert loss.reason == "made no progress for 5 s", "why it was killed, not that it was"
    stage.pass_time(loss.retry_in_s + 0.01)
    assert len(stage.launched) == 2


def test_a_worker_that_does_not_start_is_killed() -> None:
    stage = PoolBench()
    stage.pass_time(MAX_START_S - 1)
    assert not stage.launched[0].killed
    stage.pass_time(1.1)
    assert stage.launched[0].killed


def test_messages_of_an_old_process_are_ignored() -> None:
    stage = PoolBench()
    old = stage.run
    loss = stage.pool.on_exit(WorkerExited(0, old, "exited with 1"))
    assert loss is not None
    stage.pass_time(loss.retry_in_s + 0.01)
    assert not stage.pool.on_message(WorkerMessage(0, old, READY))
    assert stage.pool.on_exit(WorkerExited(0, old, "exited with 1")) is None
    assert stage.receive(READY)


def test_messages_from_a_larger_pool_are_ignored() -> None:
    stage = PoolBench()
    assert not stage.pool.on_message(WorkerMessage(1, stage.run, READY))
    assert stage.pool.on_exit(WorkerExited(1, stage.run, "exited with 0")) is None


def test_its_last_words_come_with_its_loss() -> None:
    stage = PoolBench()
    fault = WorkerFault(kind="model", reason="no model")
    stage.receive(fault)
    loss = stage.pool.on_exit(WorkerExited(0, stage.run, "exited with 1"))
    assert loss is not None
    assert loss.fault == fault


def test_waits_grow_while_a_worker_keeps_exiting_and_shrink_once_it_has_settled() -> None:
    stage = PoolBench()
    waits = []
    for _ in range(12):
        loss = stage.pool.on_exit(WorkerExited(0, stage.run, "exited with 1"))
        assert loss is not None
        waits.append(loss.retry_in_s)
        stage.pass_time(loss.retry_in_s + 0.01)
    assert waits[0] <= 0.2
    assert max(waits) <= 30.0
    assert max(waits[6:]) > 0.2
    stage.receive(READY)
    for _ in range(11):
        stage.pass_time(1)
        stage.receive(WorkerReport(cameras=()))
    loss = stage.pool.on_exit(WorkerExited(0, stage.run, "was killed by SIGKILL"))
    assert loss is not None
    assert loss.retry_in_s <= 0.2


def test_exits_without_a_fault_are_unrecoverable_but_a_known_fault_is_not() -> None:
    for fault, hopeless in ((None, True), (WorkerFault(kind="model", reason="no model"), False)):
        stage = PoolBench()
        for _ in range(MAX_CONSECUTIVE_LOSSES):
            if fault:
                stage.receive(fault)
            loss = stage.pool.on_exit(WorkerExited(0, stage.run, "exited with 1"))
            assert loss is not None
            stage.pass_time(loss.retry_in_s + 0.01)
        assert bool(stage.pool.unrecoverable_reason) is hopeless


def test_a_process_that_survives_sigkill_is_unrecoverable() -> None:
    stage = PoolBench()
    stage.receive(READY)
    stage.pass_time(HANG_S + 0.1)
    assert not stage.pool.unrecoverable_reason
    stage.pass_time(MAX_KILL_S + 0.1)
    assert "SIGKILL" in (stage.pool.unrecoverable_reason or "")


def test_stop_is_requested_first_and_nothing_is_started_again() -> None:
    stage = PoolBench()
    stage.receive(READY)
    stage.pool.stop(0.5)
    assert stage.launched[0].stop_requested
    stage.pass_time(0.4)
    assert not stage.was_killed(), "it has half a second"
    stage.pass_time(0.2)
    assert stage.was_killed(), "it did not end when asked"
    assert stage.receive(WorkerReport(cameras=())), "what it sends before its end counts"
    assert stage.pool.on_exit(WorkerExited(0, stage.run, "was killed by SIGKILL")) is None
    assert stage.has_stopped()
    stage.pass_time(1000)
    assert len(stage.launched) == 1


def test_the_end_does_not_wait_for_a_process_that_survives_sigkill() -> None:
    stage = PoolBench()
    stage.pool.stop(0.5)
    stage.pass_time(0.6)
    assert not stage.has_stopped()
    stage.pass_time(3.0)
    assert stage.has_stopped()


def test_a_silent_worker_is_not_killed_while_something_that_it_sent_is_unread() -> None:
    """The supervisor may have been busy with something else for so long."""
    stage = PoolBench()
    stage.receive(READY)
    stage.launched[0].has_unread = True
    stage.pass_time(HANG_S + 0.1)
    assert not stage.was_killed()
    stage.launched[0].has_unread = False
    stage.receive(WorkerReport(cameras=()))
    stage.pass_time(HANG_S - 0.1)
    assert not stage.was_killed(), "what was read counts from then on"
    stage.pass_time(0.2)
    assert stage.was_killed()


def test_a_worker_that_replaces_another_starts_when_that_has_ended() -> None:
    stage = PoolBench()
    stage.receive(READY)
    first_run = stage.run
    assert stage.pool.assign_jobs([make_job("a")], stop_timeout_s=0.5) == {0}
    stage.pass_time(0.1)
    assert len(stage.launched) == 1, "a camera is opened by one process at a time"
    assert not stage.pool.on_message(WorkerMessage(0, first_run, READY))
    assert stage.pool.on_exit(WorkerExited(0, first_run, "exited with 0")) is None
    stage.pool.tick()
    assert len(stage.launched) == 2


def test_retry_now_ends_the_wait() -> None:
    stage = PoolBench()
    for _ in range(8):
        loss = stage.pool.on_exit(WorkerExited(0, stage.run, "exited with 1"))
        assert loss is not None
        stage.pass_time(loss.retry_in_s + 0.01)
    stage.pool.on_exit(WorkerExited(0, stage.run, "exited with 1"))
    launched = len(stage.launched)
    stage.pool.retry_now()
    stage.pool.tick()
    assert len(stage.launched) == launched + 1


def test_a_running_worker_is_sent_another_plan_and_a_later_one_starts_with_it() -> None:
    stage = PoolBench()
    job = VisionJob(plan=WorkerPlan(number=1, model=ModelSettings()), cameras=())
    assert not stage.pool.assign_jobs([job])
    assert [plan.number for plan in stage.launched[0].plans] == [1]
    assert stage.pool.jobs[0] == job


def make_job(*cameras: str, plan: int = 0, fps: int = 10) -> VisionJob:
    return VisionJob(
        plan=WorkerPlan(number=plan, model=ModelSettings()),
        cameras=tuple(
            CameraJob(
                name=name,
                source="synthetic",
                isolation="thread",
                driver_settings=msgspec.Raw(b'{"fps":%d}' % fps),
            )
            for name in cameras
        ),
    )


class TestAssignJobs:
    """Three workers, of cameras a and b, c, and d."""

    def setup_method(self) -> None:
        self.launched: dict[int, tuple[int, FakeWorkerProcess]] = {}
        self.pool = WorkerPool(
            [make_job("a", "b"), make_job("c"), make_job("d")],
            hang_s=HANG_S,
            clock=FakeClock(),
            launch=self._launch,
        )
        self.pool.tick()

    def _launch(self, job: VisionJob, worker: int, run: int) -> FakeWorkerProcess:
        del job
        self.launched[worker] = run, FakeWorkerProcess()
        return self.launched[worker][1]

    def _end(self, worker: int) -> None:
        """Let a worker's newest process end."""
        run, _ = self.launched[worker]
        self.pool.on_exit(WorkerExited(worker, run, "exited with 0"))

    def test_equal_jobs_change_nothing(self) -> None:
        assert not self.pool.assign_jobs([make_job("a", "b"), make_job("c"), make_job("d")])
        assert not any(process.plans for _, process in self.launched.values())

    def test_a_removed_worker_is_stopped_and_the_others_keep_their_numbers(self) -> None:
        before = dict(self.launched)
        removed = self.pool.assign_jobs([make_job("d", plan=1), make_job("a", "b", plan=1)])
        assert removed == {1}
        assert before[1][1].stop_requested
        assert {n: [c.name for c in job.cameras] for n, job in self.pool.jobs.items()} == {
            2: ["d"],
            0: ["a", "b"],
        }
        self.pool.tick()
        assert self.launched == before
        assert [plan.number for plan in before[2][1].plans] == [1]

    def test_other_camera_settings_replace_only_that_worker(self) -> None:
        before = dict(self.launched)
        jobs = [make_job("a", "b"), make_job("c", fps=20), make_job("d")]
        assert self.pool.assign_jobs(jobs) == {1}
        self._end(1)
        self.pool.tick()
        assert (self.launched[0], self.launched[2]) == (before[0], before[2])
        run, process = self.launched[1]
        assert process is not before[1][1]
        assert run == 4, "no run number is used twice"
        late = WorkerMessage(1, before[1][0], READY)
        assert not self.pool.on_message(late), "it is from the process that was replaced"

    def test_all_can_be_replaced(self) -> None:
        jobs = [make_job("a", "b"), make_job("c"), make_job("d")]
        assert self.pool.assign_jobs(jobs, replace_all=True) == {0, 1, 2}
        for worker in range(3):
            self._end(worker)
        self.pool.tick()
        assert sorted(run for run, _ in self.launched.values()) == [4, 5, 6]

    def test_a_worker_whose_plan_cannot_be_sent_is_replaced(self) -> None:
        process = self.launched[1][1]
        process.refuses_plans = True
        jobs = [make_job("a", "b"), make_job("c", plan=1), make_job("d")]
        assert not self.pool.assign_jobs(jobs)
        assert process.killed
        loss = self.pool.on_exit(WorkerExited(1, self.launched[1][0], "was killed by SIGKILL"))
        assert loss is not None
        assert loss.reason == "too large"
