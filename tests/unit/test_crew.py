"""Workers are started, watched and replaced; their processes are stand-ins, the clock is ours."""

from edged.config.settings import ModelSettings
from edged.vision.messages import Fault, Plan, Ready, Report, VisionJob
from edged.vision.messages_in import Gone, Heard
from edged.vision.pool import HOPELESS_LOSSES, START_LIMIT_S, UNKILLABLE_S, Crew
from support.clock import FakeClock

HANG_S = 5.0
READY = Ready(
    model="m",
    sha256="",
    family="ssd",
    runtime="r",
    delegate="",
    input_width=1,
    input_height=1,
    labels=(),
)


class StandIn:
    pid = 4711

    def __init__(self) -> None:
        self.killed = False
        self.asked = False
        self.told: list[Plan] = []

    def tell(self, plan: Plan) -> None:
        self.told.append(plan)

    def ask_to_end(self) -> None:
        self.asked = True

    def kill(self) -> None:
        self.killed = True

    def join(self, timeout_s: float = 0.0) -> bool:  # noqa: ARG002 - the protocol has it
        return self.killed


class Stage:
    """A crew of one, its clock, and the processes that it launched."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.launched: list[StandIn] = []
        self.crew = Crew(
            [VisionJob(plan=Plan(model=ModelSettings()), cameras=())],
            hang_s=HANG_S,
            clock=self.clock,
            launch=lambda _job, _worker, _run: self._launch(),
        )
        self.crew.tick()

    def _launch(self) -> StandIn:
        self.launched.append(StandIn())
        return self.launched[-1]

    @property
    def run(self) -> int:
        return self.crew.next_run - 1

    def hear(self, message: Ready | Report | Fault) -> bool:
        return self.crew.heard(Heard(0, self.run, message))

    def pass_time(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.crew.tick()


def test_a_worker_that_reports_is_left_alone() -> None:
    stage = Stage()
    stage.hear(READY)
    for _ in range(20):
        stage.pass_time(HANG_S - 1)
        stage.hear(Report(cameras=()))
    assert not stage.launched[0].killed
    assert len(stage.launched) == 1


def test_a_silent_worker_is_killed_and_replaced() -> None:
    stage = Stage()
    stage.hear(READY)
    stage.pass_time(HANG_S + 0.1)
    assert stage.launched[0].killed
    loss = stage.crew.gone(Gone(0, stage.run, "was killed by SIGKILL"))
    assert loss is not None
    assert loss.reason == "made no progress for 5 s", "why it was killed, not that it was"
    stage.pass_time(loss.retry_in_s + 0.01)
    assert len(stage.launched) == 2


def test_a_worker_that_does_not_start_is_killed() -> None:
    stage = Stage()
    stage.pass_time(START_LIMIT_S - 1)
    assert not stage.launched[0].killed
    stage.pass_time(1.1)
    assert stage.launched[0].killed


def test_what_an_old_process_says_is_not_heard() -> None:
    stage = Stage()
    old = stage.run
    loss = stage.crew.gone(Gone(0, old, "exited with 1"))
    assert loss is not None
    stage.pass_time(loss.retry_in_s + 0.01)
    assert not stage.crew.heard(Heard(0, old, READY))
    assert stage.crew.gone(Gone(0, old, "exited with 1")) is None
    assert stage.hear(READY)


def test_what_is_left_of_a_larger_crew_is_not_heard() -> None:
    stage = Stage()
    assert not stage.crew.heard(Heard(1, stage.run, READY))
    assert stage.crew.gone(Gone(1, stage.run, "exited with 0")) is None


def test_its_last_words_come_with_its_loss() -> None:
    stage = Stage()
    fault = Fault(kind="model", reason="no model")
    stage.hear(fault)
    loss = stage.crew.gone(Gone(0, stage.run, "exited with 1"))
    assert loss is not None
    assert loss.fault == fault


def test_waits_grow_while_it_keeps_dying_and_shrink_once_it_has_settled() -> None:
    stage = Stage()
    waits = []
    for _ in range(12):
        loss = stage.crew.gone(Gone(0, stage.run, "exited with 1"))
        assert loss is not None
        waits.append(loss.retry_in_s)
        stage.pass_time(loss.retry_in_s + 0.01)
    assert waits[0] <= 0.2
    assert max(waits) <= 30.0
    assert max(waits[6:]) > 0.2
    stage.hear(READY)
    for _ in range(11):
        stage.pass_time(1)
        stage.hear(Report(cameras=()))
    loss = stage.crew.gone(Gone(0, stage.run, "was killed by SIGKILL"))
    assert loss is not None
    assert loss.retry_in_s <= 0.2


def test_deaths_without_a_word_are_hopeless_but_a_known_fault_is_not() -> None:
    for fault, hopeless in ((None, True), (Fault(kind="model", reason="no model"), False)):
        stage = Stage()
        for _ in range(HOPELESS_LOSSES):
            if fault:
                stage.hear(fault)
            loss = stage.crew.gone(Gone(0, stage.run, "exited with 1"))
            assert loss is not None
            stage.pass_time(loss.retry_in_s + 0.01)
        assert bool(stage.crew.hopeless) is hopeless


def test_a_process_that_survives_sigkill_is_hopeless() -> None:
    stage = Stage()
    stage.hear(READY)
    stage.pass_time(HANG_S + 0.1)
    assert not stage.crew.hopeless
    stage.pass_time(UNKILLABLE_S + 0.1)
    assert "SIGKILL" in stage.crew.hopeless


def test_stop_asks_first_and_nothing_is_started_again() -> None:
    stage = Stage()
    stage.hear(READY)
    stage.crew.stop(0.5)
    assert stage.launched[0].asked
    assert stage.launched[0].killed, "it did not end when asked"
    stage.pass_time(1000)
    assert len(stage.launched) == 1


def test_hurry_ends_the_wait() -> None:
    stage = Stage()
    for _ in range(8):
        loss = stage.crew.gone(Gone(0, stage.run, "exited with 1"))
        assert loss is not None
        stage.pass_time(loss.retry_in_s + 0.01)
    stage.crew.gone(Gone(0, stage.run, "exited with 1"))
    launched = len(stage.launched)
    stage.crew.hurry()
    stage.crew.tick()
    assert len(stage.launched) == launched + 1


def test_who_runs_is_told_another_plan_and_who_starts_later_begins_with_it() -> None:
    stage = Stage()
    job = VisionJob(plan=Plan(number=1, model=ModelSettings()), cameras=())
    stage.crew.follow([job])
    assert [plan.number for plan in stage.launched[0].told] == [1]
    assert stage.crew.job(0) == job
