"""The environment is not the model: what a lost camera, a full disk, a pause or a missing accelerator does is no evidence in a trial."""

from pathlib import Path

import pytest

from edged.updates.rules.ledger import EndCause
from edged.updates.service.trial_monitor import MAX_STARTUP_S
from edged.vision.messages import FaultKind, PlanDeclined, WorkerFault
from edged.vision.worker_loss import WorkerLoss
from support.store_device import make_version
from support.update_scenario import Scenario, staged_scenario
from support.worker_messages import model_ready

OLD, NEW = make_version("1"), make_version("2", counter=2)


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    """A device with a trial that has begun."""
    made = staged_scenario(tmp_path, NEW, OLD)
    made.run(10)
    assert made.state == "trial"
    return made


def lose_worker(scenario: Scenario, cause: str | None, fault: WorkerFault | None = None) -> None:
    scenario.trial.on_worker_lost(
        WorkerLoss(
            worker=0,
            reason="was killed by SIGKILL",
            fault=fault,
            retry_in_s=0.2,
            outside_cause=cause,
        )
    )


def restart_worker(scenario: Scenario) -> None:
    scenario.trial.on_ready(model_ready(model_name=scenario.updates.active_model.name))


def assert_rolled_back_but_not_denied(scenario: Scenario, reason: str) -> None:
    status = scenario.updates.status()
    last = status.past[-1]
    assert (last.outcome, last.cause) == ("rolled-back", EndCause.TRIAL_INTERRUPTED)
    assert reason in last.reason
    assert status.denied == {}


@pytest.mark.parametrize(
    ("obstacle", "is_camera_lost", "reason"),
    [
        (None, True, "the trial is suspended: no camera delivers frames (a)"),
        ("the disk is full", False, "the trial is suspended: the disk is full"),
    ],
    ids=["camera", "disk"],
)
def test_a_lost_camera_or_a_full_disk_suspends_the_trial_and_the_status_says_so(
    scenario: Scenario, obstacle: str | None, reason: str, *, is_camera_lost: bool
) -> None:
    scenario.run(4000, obstacle=obstacle, is_camera_lost=is_camera_lost)
    assert scenario.state == "trial"
    assert scenario.blocked_reason == reason
    scenario.run(1)
    assert scenario.blocked_reason == ""
    scenario.run(320)
    last = scenario.updates.status().past[-1]
    assert (last.outcome, last.flagged) == ("committed", False)


def test_the_status_says_that_the_board_throttles(scenario: Scenario) -> None:
    scenario.run(1, throttled=True)
    assert scenario.blocked_reason == "the trial is suspended: the board throttles"


def test_the_frames_of_a_pause_are_no_evidence(scenario: Scenario) -> None:
    """The cameras went on while the daemon stood still; what it missed then, the model has not left out."""
    scenario.run(60)
    for _ in range(5):
        scenario.clock.sleep(120)
        scenario.run(0.25)
        assert (
            scenario.blocked_reason
            == "the trial is suspended: the daemon itself was paused for 120 s"
        )
        scenario.run(10)
    assert scenario.state == "trial", "ten minutes of pauses are no trial of five minutes"
    assert scenario.blocked_reason == ""


def test_a_pause_is_no_part_of_the_baseline(tmp_path: Path) -> None:
    """The frames per second before the trial would be those of the pause as well."""
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(2)
    scenario.clock.sleep(60)
    scenario.run(20)
    assert scenario.state == "trial"
    deployment = scenario.updates.status().deployment
    assert deployment is not None
    assert deployment.baseline_fps == pytest.approx(12.0, rel=0.1)


def test_a_daemon_that_took_long_to_start_was_not_paused(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    scenario = scenario.restart_after_kill()
    scenario.clock.sleep(30)
    scenario.run(0.25)
    assert scenario.blocked_reason == ""


def test_a_worker_that_is_lost_with_a_pause_is_started_again_and_the_trial_goes_on(
    scenario: Scenario,
) -> None:
    scenario.clock.sleep(30)
    lose_worker(scenario, cause=None)  # before the daemon's next tick
    scenario.run(1)
    restart_worker(scenario)
    scenario.run(330)
    assert scenario.updates.status().past[-1].outcome == "committed"


def test_a_worker_that_was_killed_from_outside_is_started_again_and_the_trial_goes_on(
    scenario: Scenario,
) -> None:
    for _ in range(2):
        lose_worker(scenario, cause="it was killed from outside")
        scenario.run(1)
        assert scenario.state == "trial"
        restart_worker(scenario)
    scenario.run(320)
    assert scenario.updates.status().past[-1].outcome == "committed"


def test_the_third_such_loss_ends_the_trial_without_a_denial(scenario: Scenario) -> None:
    for _ in range(3):
        lose_worker(scenario, cause="it was killed from outside")
        scenario.run(1)
        restart_worker(scenario)
    scenario.run(1)
    assert_rolled_back_but_not_denied(scenario, "workers were lost 3 times in the trial")


@pytest.mark.parametrize("kind", ["delegate", "internal"])
def test_a_candidate_that_cannot_be_loaded_here_is_not_denied(
    scenario: Scenario, kind: FaultKind
) -> None:
    scenario.trial.on_plan_message(PlanDeclined(plan=1, kind=kind, reason="no device found"))
    scenario.run(0.25)
    assert_rolled_back_but_not_denied(scenario, "no device found")


def test_a_candidate_that_does_not_start_in_time_is_not_denied(scenario: Scenario) -> None:
    lose_worker(scenario, cause="it was stopped by a signal")
    scenario.run(MAX_STARTUP_S + 1)
    assert_rolled_back_but_not_denied(scenario, "did not start within 120 s")


def test_the_time_of_a_pause_is_no_time_to_start_in(scenario: Scenario) -> None:
    lose_worker(scenario, cause="it was stopped by a signal")
    scenario.clock.sleep(2 * MAX_STARTUP_S)
    scenario.run(1)
    assert scenario.state == "trial"


def test_a_camera_driver_that_hangs_again_and_again_does_not_exclude_the_installed_model(
    tmp_path: Path,
) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    fault = WorkerFault(kind="internal", reason="its driver has not returned for over 30 s")
    for _ in range(5):
        lose_worker(scenario, cause="a camera, the disk or the host failed", fault=fault)
        scenario.run(0.25)
    assert scenario.updates.active_digest == OLD.digest
