"""What the supervisor's thread does while the disk of the model store does not answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.interfaces import MessageReceived
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.rules.ledger import FACTORY
from edged.updates.rules.probation import CommitVerdict
from edged.updates.service.control_messages import (
    CommitRequest,
    ControlResponse,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.install_supervisor import MAX_INSTALLER_SILENCE_S
from edged.updates.service.request_line import MAX_WAIT_S, MAX_WAITING
from edged.updates.service.service import MAX_START_WAIT_S
from edged.updates.service.trial_monitor import MAX_STARTUP_S
from edged.updates.service.update_channel import CHANNEL_RETRY_S
from edged.updates.store.lock import StoreLock
from edged.vision.active_model import ActiveModel
from edged.vision.messages import PlanDeclined
from edged.vision.worker_loss import WorkerLoss
from support.store_device import StoreDevice, make_version
from support.uninterruptible import uninterruptible_process
from support.update_scenario import SETTINGS, Scenario, request, staged_scenario
from support.worker_messages import candidate_failure, model_ready

OLD, NEW = make_version("1"), make_version("2", counter=2)
SUSPENDED = "the trial is suspended: a disk does not answer"


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    """A device with a trial that has begun."""
    made = staged_scenario(tmp_path, NEW, OLD)
    made.run(10)
    assert made.state == "trial"
    return made


def installed_scenario(folder: Path) -> Scenario:
    """Return a device on which OLD is committed, not started yet."""
    made = Scenario(folder)
    device = StoreDevice(made.disk, {OLD.digest: OLD})
    device.start()
    device.install(OLD.digest)
    return made


class TestStart:
    def test_no_model_runs_until_the_store_was_read(self, tmp_path: Path) -> None:
        scenario = installed_scenario(tmp_path)
        scenario.queue.hang_next()
        scenario.start()
        scenario.run(MAX_START_WAIT_S - 1)
        assert start_of(scenario) == (False, False, [])
        assert scenario.held_conditions == set()
        scenario.run(60)
        assert start_of(scenario) == (False, True, [])
        assert scenario.updates.build_status_report() is None
        assert scenario.held_conditions == {"model"}

        scenario.queue.answer()
        assert start_of(scenario) == (True, False, ["marks@1"])
        report = scenario.updates.build_status_report()
        assert report is not None
        assert report.installed_digest == OLD.digest
        assert scenario.held_conditions == set()

    def test_a_request_waits_for_the_store(self, tmp_path: Path) -> None:
        scenario = installed_scenario(tmp_path)
        scenario.queue.hang_next()
        scenario.start()
        early = scenario.send(StatusRequest())
        scenario.queue.answer()
        assert [one.status.versions[0].title for one in early] == ["marks@1"]

    def test_a_request_is_refused_when_the_store_does_not_answer(self, tmp_path: Path) -> None:
        scenario = installed_scenario(tmp_path)
        scenario.queue.hang_next()
        scenario.start()
        responses = scenario.send(request())
        scenario.run(MAX_WAIT_S + 1)
        assert [one.error for one in responses] == [
            "the disk of the model store does not answer: nothing was changed; try again later"
        ]
        scenario.queue.answer()
        assert scenario.state == ""

    def test_a_configuration_that_is_read_meanwhile_is_used_afterwards(
        self, tmp_path: Path
    ) -> None:
        scenario = installed_scenario(tmp_path)
        scenario.queue.hang_next()
        scenario.start()
        models: list[ActiveModel] = []
        for threads in (2, 3):
            settings = replace(SETTINGS, model=replace(SETTINGS.model, threads=threads))
            scenario.updates.apply_settings(settings, models.append)
        assert models == []
        scenario.queue.answer()
        assert [model.settings.threads for model in models] == [3]


class TestTrial:
    def test_the_time_of_a_silence_is_no_evidence_and_the_status_says_so(
        self, scenario: Scenario
    ) -> None:
        scenario.other_queue.hang_next()
        scenario.other_queue.submit(lambda: None, lambda _: None)
        scenario.run(4000, fps=1)
        assert scenario.state == "trial"
        assert scenario.blocked_reason == SUSPENDED
        scenario.other_queue.answer()
        scenario.run(3)
        assert scenario.blocked_reason == ""
        scenario.run(320)
        last = scenario.updates.status().past[-1]
        assert (last.outcome, last.flagged) == ("committed", False)

    def test_a_silence_is_no_time_to_start_in(self, scenario: Scenario) -> None:
        lose_worker(scenario, "it was killed from outside")
        scenario.other_queue.hang_next()
        scenario.other_queue.submit(lambda: None, lambda _: None)
        scenario.run(10 * MAX_STARTUP_S)
        assert scenario.state == "trial"
        scenario.other_queue.answer()
        scenario.run(MAX_STARTUP_S - 5)
        assert scenario.state == "trial"
        scenario.run(10)
        assert scenario.updates.status().past[-1].outcome == "rolled-back"

    def test_a_worker_that_is_lost_meanwhile_is_started_again_and_the_trial_goes_on(
        self, scenario: Scenario
    ) -> None:
        scenario.other_queue.hang_next()
        scenario.other_queue.submit(lambda: None, lambda _: None)
        scenario.run(5)
        lose_worker(scenario)
        scenario.run(1)
        scenario.other_queue.answer()
        assert scenario.state == "trial"
        scenario.trial.on_ready(model_ready(model_name=scenario.updates.active_model.name))
        scenario.run(330)
        assert scenario.updates.status().past[-1].outcome == "committed"

    def test_a_silence_is_no_part_of_the_baseline(self, tmp_path: Path) -> None:
        scenario = staged_scenario(tmp_path, NEW, OLD)
        scenario.other_queue.hang_next()
        scenario.other_queue.submit(lambda: None, lambda _: None)
        scenario.run(100)
        assert scenario.state == "self-tested"
        scenario.other_queue.answer()
        scenario.run(5)
        assert scenario.state == "self-tested"
        scenario.run(10)
        assert scenario.state == "trial"

    def test_the_candidate_runs_only_once_its_trial_is_recorded(self, tmp_path: Path) -> None:
        scenario = scenario_before_trial(tmp_path)
        scenario.queue.hang_next(is_done_first=True)
        scenario.run(60)
        assert scenario.store.read_ledger().deployment.state == "trial"  # type: ignore[union-attr]
        assert scenario.models[-1].name == "marks@1"
        scenario.queue.answer()
        assert scenario.models[-1].name == "marks@2"

    def test_a_bad_model_stops_before_its_rollback_is_recorded(self, scenario: Scenario) -> None:
        scenario.queue.hang_next()
        scenario.trial.on_plan_message(candidate_failure(kind="nonsense"))
        scenario.run(0.25)
        assert scenario.models[-1].name == "marks@1"
        assert scenario.models[-1].shadow is None
        scenario.run(60)
        assert scenario.state == "trial"  # nothing is reported before it is recorded
        scenario.queue.answer()
        last = scenario.updates.status().past[-1]
        assert (last.outcome, last.digest in scenario.updates.status().denied) == (
            "rolled-back",
            True,
        )
        assert [model.name for model in scenario.models].count("marks@2") == 1

    def test_a_model_that_passed_is_committed_whatever_happens_after_the_verdict(
        self, scenario: Scenario
    ) -> None:
        scenario.run(280)
        scenario.queue.hang_next()
        scenario.run(60)
        assert scenario.queue.is_hanging
        scenario.trial.on_plan_message(PlanDeclined(plan=1, reason="too late"))
        scenario.run(60)
        assert scenario.models[-1].name == "marks@2"
        scenario.queue.answer()
        assert [past.outcome for past in scenario.updates.status().past][1:] == ["committed"]

    def test_a_commit_waits_until_another_step_is_done(self, tmp_path: Path) -> None:
        scenario = scenario_before_commit(tmp_path)
        scenario.queue.hang_next()
        scenario.send(request())  # is refused, after the hang
        scenario.run(1)
        assert scenario.state == "trial"
        scenario.queue.answer()
        scenario.run(0.25)
        assert [past.outcome for past in scenario.updates.status().past][1:] == ["committed"]

    def test_a_model_that_passed_and_fails_before_its_commit_is_begun_is_rolled_back(
        self, tmp_path: Path
    ) -> None:
        scenario = scenario_before_commit(tmp_path)
        scenario.queue.hang_next()
        scenario.send(request())
        scenario.run(1)
        scenario.trial.on_plan_message(candidate_failure(kind="nonsense"))
        scenario.run(0.25)
        assert scenario.models[-1].name == "marks@1"
        scenario.queue.answer()
        assert scenario.updates.status().past[-1].outcome == "rolled-back"

    def test_an_operators_rollback_stops_the_candidate_at_once(self, scenario: Scenario) -> None:
        scenario.queue.hang_next()
        responses = scenario.send(RollbackRequest(reason="not today"))
        assert scenario.models[-1].name == "marks@1"
        assert responses == []
        scenario.run(1)
        scenario.queue.answer()
        assert [one.status.past[-1].reason for one in responses] == ["not today"]
        assert scenario.updates.active_digest == OLD.digest

    def test_an_operators_rollback_that_fails_lets_the_old_model_run(
        self, scenario: Scenario
    ) -> None:
        scenario.disk_fails = True
        (response,) = scenario.send(RollbackRequest())
        assert response.error
        assert scenario.updates.active_digest == OLD.digest
        scenario.disk_fails = False
        scenario.run(6)
        assert scenario.updates.status().past[-1].outcome == "rolled-back"


class TestRequests:
    def test_the_status_is_the_one_before_the_silence(self, scenario: Scenario) -> None:
        scenario.queue.hang_next()
        scenario.send(request())
        scenario.run(30)
        status = scenario.execute(StatusRequest()).status
        assert status.disk_silent_s == pytest.approx(30)
        assert status.deployment is not None
        assert status.deployment.blocked_reason == SUSPENDED
        assert (status.deployment.title, status.active_model) == ("marks@2", "marks@2")

    def test_one_that_was_begun_is_carried_out_once_and_its_client_is_told(
        self, scenario: Scenario
    ) -> None:
        scenario.queue.hang_next()
        responses = scenario.send(CommitRequest())
        scenario.run(MAX_WAIT_S + 1)
        assert len(responses) == 1
        assert "the request is carried out when it does" in responses[0].error
        scenario.queue.answer()
        assert len(responses) == 1
        assert [past.outcome for past in scenario.updates.status().past][1:] == ["committed"]

    def test_one_that_was_not_begun_is_refused_and_changes_nothing(
        self, scenario: Scenario
    ) -> None:
        scenario.queue.hang_next()
        scenario.send(request())
        waiting = scenario.send(RollbackRequest())
        scenario.run(MAX_WAIT_S + 1)
        assert ["nothing was changed" in one.error for one in waiting] == [True]
        scenario.queue.answer()
        scenario.run(1)
        assert scenario.state == "trial"
        assert scenario.models[-1].name == "marks@2"

    def test_they_are_carried_out_in_their_order(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.queue.hang_next()
        begun = scenario.send(request())
        refused = scenario.send(request())
        ended = scenario.send(RollbackRequest())
        scenario.queue.answer()
        (first,), (second,), (third,) = begun, refused, ended
        assert (first.error, third.error) == ("", "")
        assert "is being installed" in second.error
        assert third.status.past[-1].id == first.id

    def test_too_many_are_refused(self, scenario: Scenario) -> None:
        scenario.queue.hang_next()
        responses: list[ControlResponse] = []
        for _ in range(MAX_WAITING + 3):
            scenario.updates.process_message(
                PendingControlRequest(CommitRequest(), responses.append)
            )
        assert [one.error for one in responses] == [
            "too many requests wait for the model store"
        ] * 2


class TestInstaller:
    def test_a_silence_is_no_time_of_its_silence(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.execute(request())
        scenario.run(0.25)
        scenario.other_queue.hang_next()
        scenario.other_queue.submit(lambda: None, lambda _: None)
        scenario.run(10 * MAX_INSTALLER_SILENCE_S)
        assert [child.is_killed for _, child in scenario.installs] == [False]
        scenario.other_queue.answer()
        scenario.run(MAX_INSTALLER_SILENCE_S - 10)
        assert [child.is_killed for _, child in scenario.installs] == [False]
        scenario.run(20)
        assert [child.is_killed for _, child in scenario.installs][:1] == [True]

    def test_one_that_waits_for_a_disk_is_not_killed(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.execute(request())
        scenario.run(0.25)
        (_, child), *_ = scenario.installs
        with uninterruptible_process() as child.pid:
            scenario.run(2 * MAX_INSTALLER_SILENCE_S)
            assert not child.is_killed
        scenario.run(0.25)
        assert child.is_killed

    def test_none_is_started_while_a_step_is_being_done(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.queue.hang_next(is_done_first=True)
        scenario.send(request())
        scenario.run(60)
        assert scenario.installs == []
        scenario.queue.answer()
        scenario.run(0.25)
        assert len(scenario.installs) == 1

    def test_no_step_is_begun_before_a_stopped_one_has_ended(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.execute(request())
        scenario.run(0.25)
        steps = scenario.queue.count
        responses: list[ControlResponse] = []
        scenario.updates.process_message(PendingControlRequest(RollbackRequest(), responses.append))
        scenario.updates.process_message(
            InstallProgress(state="fetching", done_bytes=1, total_bytes=2)
        )
        assert scenario.installs[0][1].is_killed
        assert (scenario.queue.count, responses) == (steps, [])
        scenario.end_killed_installs()
        assert [one.error for one in responses] == [""]

    def test_what_it_recorded_is_read_before_anything_else_is_done(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.execute(request())
        scenario.run(0.25)
        scenario.queue.hang_next()
        scenario.updates.process_message(InstallFinished(error="no network"))
        responses = scenario.send(RollbackRequest())
        scenario.run(1)
        assert len(scenario.installs) == 1
        scenario.queue.answer()
        (response,) = responses
        assert response.status.past[-1].outcome == "rejected"
        assert len(scenario.installs) == 1


class TestInstalledModel:
    def test_one_that_fails_is_replaced_when_the_disk_answers(self, tmp_path: Path) -> None:
        scenario = installed_scenario(tmp_path).start()
        scenario.queue.hang_next()
        scenario.trial.on_plan_message(PlanDeclined(plan=1, reason="it cannot be loaded"))
        scenario.run(60)
        assert scenario.updates.active_digest == OLD.digest
        scenario.queue.answer()
        assert scenario.updates.active_digest == FACTORY
        assert "model.fallback" in scenario.held_conditions

    def test_workers_that_are_lost_meanwhile_do_not_exclude_it(self, tmp_path: Path) -> None:
        scenario = installed_scenario(tmp_path).start()
        scenario.other_queue.hang_next()
        scenario.other_queue.submit(lambda: None, lambda _: None)
        scenario.run(5, is_camera_lost=True)
        for _ in range(5):
            lose_worker(scenario)
            scenario.run(1, is_camera_lost=True)
        assert scenario.updates.active_digest == OLD.digest


class TestStop:
    def test_it_is_recorded_if_the_disk_answers(self, scenario: Scenario) -> None:
        assert scenario.stop()
        again = scenario.restart_after_kill()
        assert deaths(again) == 0

    def test_in_a_silence_it_counts_as_a_crash_which_denies_nothing(
        self, scenario: Scenario
    ) -> None:
        scenario.queue.hang_next()
        scenario.send(request())
        assert not scenario.stop()
        models = list(scenario.models)
        again = scenario.restart_after_kill()
        assert (again.state, deaths(again)) == ("trial", 1)
        assert scenario.models == models
        again.run(330)
        status = again.updates.status()
        assert (status.past[-1].outcome, status.denied) == ("committed", {})

    def test_results_that_come_afterwards_start_nothing(self, tmp_path: Path) -> None:
        scenario = scenario_before_trial(tmp_path)
        scenario.queue.hang_next()
        scenario.run(60)
        scenario.stop()
        scenario.queue.answer()
        assert scenario.store.read_ledger().deployment.state == "trial"  # type: ignore[union-attr]
        assert scenario.models[-1].name == "marks@1"

    def test_an_installer_is_stopped(self, tmp_path: Path) -> None:
        scenario = Scenario(tmp_path).start()
        scenario.execute(request())
        scenario.run(0.25)
        scenario.queue.hang_next()
        assert not scenario.stop()
        assert scenario.installs[0][1].is_killed


def test_a_dropped_bundle_whose_deployment_could_not_be_recorded_is_given_again(
    tmp_path: Path,
) -> None:
    scenario = Scenario(tmp_path).start()
    (folder := tmp_path / "drop").mkdir()
    (folder / "a.edgem").write_bytes(b"some bundle")
    scenario.disk_fails = True
    scenario.run(3)
    assert scenario.state == ""
    scenario.disk_fails = False
    scenario.run(12)
    assert scenario.state == "fetching"


def test_a_channel_message_is_read_again_if_the_disk_fails_as_its_installer_ends(
    tmp_path: Path,
) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.updates.process_message(MessageReceived("down/desired", b"news", True))  # noqa: FBT003
    scenario.run(1)
    scenario.disk_fails = True
    scenario.updates.process_message(InstallFinished(error="the disk failed"))
    scenario.disk_fails = False
    scenario.run(CHANNEL_RETRY_S + 10)
    assert [desired for desired, _ in scenario.installs] == [b"news", b"news"]


def test_a_bundle_that_does_not_exist_begins_no_deployment(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    response = scenario.execute(request("/no/such.edgem"))
    assert "no such file" in response.error
    assert response.status.daemon
    assert scenario.state == ""


def test_the_end_of_another_trial_changes_nothing(scenario: Scenario) -> None:
    state = scenario.steps.end_trial("another", CommitVerdict())
    assert state.trial is not None
    assert scenario.steps.end_trial(state.trial.id, CommitVerdict()).trial is None


def test_a_store_of_another_process_is_not_written_at_the_stop(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    scenario.lock.release()
    again = Scenario(tmp_path, scenario.disk)
    with StoreLock(tmp_path / "store"):
        again.start()
        assert again.stop()
    ledger = again.store.read_ledger()
    assert ledger.deployment is not None
    assert not ledger.deployment.is_clean_shutdown


def scenario_before_trial(folder: Path) -> Scenario:
    """Return a device whose next tick records that a trial begins."""
    return scenario_before(folder, lambda scenario: scenario.state == "trial")


def scenario_before_commit(folder: Path) -> Scenario:
    """Return a device whose next tick commits the model on trial."""
    return scenario_before(folder, lambda scenario: scenario.state == "")


def scenario_before(folder: Path, condition: Callable[[Scenario], bool]) -> Scenario:
    """Return a device for which this is true after the next tick."""
    for name in ("counting", "made"):
        (folder / name).mkdir()
    counting = staged_scenario(folder / "counting", NEW, OLD)
    ticks = 0
    while not condition(counting):
        counting.run(0.25)
        ticks += 1
    made = staged_scenario(folder / "made", NEW, OLD)
    made.run((ticks - 1) * 0.25)
    assert not condition(made)
    return made


def start_of(scenario: Scenario) -> tuple[bool, bool, list[str | None]]:
    """Return whether the active model is known, whether the store is silent, and the models that were to run."""
    updates = scenario.updates
    return updates.is_model_known, updates.is_store_silent, [m.name for m in scenario.models]


def lose_worker(scenario: Scenario, cause: str | None = None) -> None:
    scenario.trial.on_worker_lost(
        WorkerLoss(
            worker=0,
            reason="made no progress for 5 s",
            fault=None,
            retry_in_s=0.2,
            outside_cause=cause,
        )
    )


def deaths(scenario: Scenario) -> int:
    deployment = scenario.updates.status().deployment
    assert deployment is not None
    return deployment.deaths
