"""What the daemon does with the model store, on a disk in memory, under a clock that is told what time it is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.config.settings import ModelSettings, Settings, UpdateSettings
from edged.interfaces import MessageReceived
from edged.updates.bundle.manifest import Probation
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.rules.ledger import FACTORY, DeploymentRequest, EndCause
from edged.updates.rules.rollback import reject
from edged.updates.service.control_messages import (
    CollectGarbageRequest,
    CommitRequest,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.install_supervisor import MAX_INSTALLER_SILENCE_S
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock
from edged.vision.messages import PlanDeclined, WorkerFault
from edged.vision.worker_loss import WorkerLoss
from support.disk import STORE_ROOT
from support.store_device import AT, StoreDevice, make_version
from support.update_scenario import SETTINGS, Scenario, request, staged_scenario
from support.worker_messages import candidate_failure

OLD, NEW = make_version("1"), make_version("2", counter=2)


def test_the_factory_model_is_active_until_there_is_another(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    assert scenario.updates.active_digest == FACTORY
    assert scenario.updates.active_model.settings == SETTINGS.model


def test_a_good_model_is_tried_out_beside_the_old_one_and_kept(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(4)
    assert scenario.updates.active_digest == OLD.digest  # there is no baseline yet
    scenario.run(4)
    assert scenario.state == "trial"
    model = scenario.updates.active_model
    assert (scenario.updates.active_digest, model.name) == (NEW.digest, "marks@2")
    assert model.shadow is not None
    assert model.shadow.path == STORE_ROOT / "versions" / OLD.digest / "model.tflite"
    scenario.run(310)
    status = scenario.updates.status()
    assert [past.outcome for past in status.past] == ["committed", "committed"]
    assert not status.past[-1].flagged
    assert (scenario.updates.active_digest, scenario.updates.active_model.shadow) == (
        NEW.digest,
        None,
    )
    assert scenario.disk.read_link(STORE_ROOT / "current") == f"versions/{NEW.digest}"
    assert scenario.disk.read_link(STORE_ROOT / "previous") == f"versions/{OLD.digest}"


def test_progress_is_reported_and_rises(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    seen = []
    for _ in range(20):
        scenario.run(10)
        seen.append(scenario.updates.status().progress)
    assert seen == sorted(seen)
    assert seen[-1] > 0.5


@pytest.mark.parametrize(
    "happens",
    [
        lambda trial: trial.on_worker_lost(
            WorkerLoss(worker=0, reason="was killed by SIGSEGV", fault=None, retry_in_s=1)
        ),
        lambda trial: trial.on_plan_message(candidate_failure(kind="nonsense")),
        lambda trial: trial.on_plan_message(candidate_failure(kind="flood")),
        lambda trial: trial.on_plan_message(
            PlanDeclined(plan=1, reason="no qr_code in 01-easy.png")
        ),
    ],
    ids=["lost", "nonsense", "flood", "declined"],
)
def test_a_bad_model_is_rolled_back_at_once_and_not_tried_again(
    tmp_path: Path, happens: Callable[[TrialMonitor], None]
) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    assert scenario.state == "trial"
    assert scenario.updates.status().active_model == "marks@2"
    happens(scenario.trial)
    scenario.run(0.25)
    status = scenario.updates.status()
    assert status.past[-1].outcome == "rolled-back"
    assert status.past[-1].reason
    assert scenario.updates.active_digest == OLD.digest
    assert NEW.digest in status.denied
    assert scenario.store.list_versions() == (OLD.digest,)


def test_a_runtime_that_fails_on_one_frame_is_judged_by_the_share_of_such_frames(
    tmp_path: Path,
) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    scenario.trial.on_plan_message(candidate_failure(kind="invoke"))
    scenario.run(1)
    assert scenario.state == "trial"
    for _ in range(5):
        scenario.trial.on_plan_message(candidate_failure(kind="invoke"))
    scenario.run(1)
    past = scenario.updates.status().past[-1]
    assert past.outcome == "rolled-back"
    assert "the model failed on 6 of" in past.reason


def test_nothing_is_judged_while_the_board_throttles(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    scenario.run(2000, fps=1, throttled=True)
    assert scenario.state == "trial"


def test_a_trial_goes_on_after_a_restart_and_ends_with_the_third_death(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    for deaths in (1, 2):
        scenario = scenario.restart_after_kill()
        in_flight = scenario.updates.status().deployment
        assert in_flight is not None
        assert in_flight.deaths == deaths
        assert in_flight.baseline_fps > 0
        assert scenario.updates.active_digest == NEW.digest
    scenario = scenario.restart_after_kill()
    assert scenario.updates.active_digest == OLD.digest
    assert scenario.updates.status().past[-1].reason == "the daemon crashed 3 times in the trial"


def test_a_daemon_that_is_ended_properly_in_a_trial_did_not_die(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    for _ in range(5):
        assert scenario.stop()
        scenario = scenario.restart_after_kill()
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert in_flight.deaths == 0


def test_a_disk_that_fails_as_the_trial_does_holds_up_the_ledger_but_not_the_old_model(
    tmp_path: Path,
) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    scenario.disk_fails = True
    scenario.trial.on_plan_message(candidate_failure(kind="nonsense"))
    scenario.run(0.25)
    assert scenario.updates.active_digest == OLD.digest
    assert "update" in scenario.held_conditions
    scenario.run(60)
    assert scenario.updates.active_digest == OLD.digest
    scenario.disk_fails = False
    scenario.run(10)
    assert scenario.updates.status().past[-1].outcome == "rolled-back"
    assert "update" not in scenario.held_conditions


def test_a_disk_that_fails_at_the_start_leaves_the_model_that_was_committed(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    device = StoreDevice(scenario.disk, {OLD.digest: OLD})
    device.start()
    device.install(OLD.digest)
    taken = StoreLock(tmp_path / "store")
    taken.acquire()  # another process has the store
    scenario.start()
    assert scenario.updates.active_digest == OLD.digest
    answer = scenario.execute(request())
    assert "cannot be used" in answer.error
    taken.release()
    scenario.run(6)
    assert scenario.execute(request()).error == ""


def test_a_damaged_model_is_not_loaded_the_one_before_it_is(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    device = StoreDevice(scenario.disk, {one.digest: one for one in (OLD, NEW)})
    device.start()
    device.install(OLD.digest)
    device.install(NEW.digest)
    path = STORE_ROOT / "versions" / NEW.digest / "model.tflite"
    scenario.disk.write(scenario.disk.open_for_append(path), b"x")
    scenario.start()
    assert scenario.updates.active_digest == OLD.digest
    assert "model.fallback" in scenario.held_conditions


def test_a_model_that_cannot_be_loaded_gives_way_to_the_one_before_it(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    device = StoreDevice(scenario.disk, {OLD.digest: OLD})
    device.start()
    device.install(OLD.digest)
    scenario.start()
    fault = WorkerFault(kind="model", reason="it cannot be loaded")
    scenario.trial.on_worker_lost(
        WorkerLoss(worker=0, reason="exited with 1", fault=fault, retry_in_s=1)
    )
    scenario.run(0.25)
    assert scenario.updates.active_digest == FACTORY
    assert "model.fallback" in scenario.held_conditions


def test_the_folder_and_the_channel_start_an_installation(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    drop_folder = tmp_path / "drop"
    drop_folder.mkdir()
    (drop_folder / ".a.edgem").write_bytes(b"not whole yet")
    scenario.run(3)
    assert not scenario.installs
    (drop_folder / ".a.edgem").rename(drop_folder / "a.edgem")
    scenario.run(3)
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert in_flight.request == DeploymentRequest(
        source=str(drop_folder / "a.edgem"), requested_by="drop-folder"
    )
    assert [desired for desired, _ in scenario.installs] == [b""]

    scenario.updates.process_message(MessageReceived("down/desired", b"news", True))  # noqa: FBT003
    scenario.run(1)
    assert len(scenario.installs) == 1  # one thing after the other
    scenario.store.write_ledger(
        reject(scenario.store.read_ledger(), EndCause.BUNDLE_REFUSED, "it is not a bundle", at=AT)
    )
    scenario.updates.process_message(InstallFinished())
    assert not (drop_folder / "a.edgem").exists()
    scenario.run(1)
    assert [desired for desired, _ in scenario.installs] == [b"", b"news"]


def test_what_lies_in_the_drop_folder_neither_ends_the_daemon_nor_stops_a_bundle(
    tmp_path: Path,
) -> None:
    scenario = Scenario(tmp_path).start()
    drop_folder = tmp_path / "drop"
    drop_folder.mkdir()
    (drop_folder / "a.edgem").symlink_to("gone")
    (drop_folder / "b\udcff.edgem").write_bytes(b"odd name")
    scenario.run(3)
    assert "drop_folder" in scenario.held_conditions
    assert not scenario.installs
    (drop_folder / "c.edgem").write_bytes(b"some bundle")
    scenario.run(4)
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert in_flight.request.source == str(drop_folder / "c.edgem")
    assert len(scenario.installs) == 1


def test_an_installer_that_dies_is_started_again_after_a_pause(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.execute(request())
    scenario.run(0.25)
    scenario.updates.process_message(InstallFinished(error="the installer was killed by SIGSEGV"))
    assert "update" in scenario.held_conditions
    scenario.run(0.25)
    assert len(scenario.installs) == 1
    scenario.run(20)
    assert len(scenario.installs) == 2


def test_commands(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    refused = scenario.execute(CommitRequest())
    assert "not in its trial yet" in refused.error
    assert not refused.changed
    assert "is being installed" in scenario.execute(request()).error
    scenario.run(10)
    kept = scenario.execute(CommitRequest())
    assert (kept.error, kept.changed, kept.status.past[-1].flagged) == ("", True, True)
    assert scenario.updates.active_digest == NEW.digest
    back = scenario.execute(RollbackRequest())
    assert back.status.past[-1].outcome == "rolled-back"
    assert scenario.updates.active_digest == OLD.digest
    assert scenario.execute(StatusRequest()).changed is False


def test_calling_off_an_installation_ends_its_child(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    begun = scenario.execute(request())
    scenario.run(0.25)
    answer = scenario.execute(RollbackRequest(reason="not today"))
    assert scenario.installs[0][1].is_killed
    assert [(past.id, past.outcome, past.reason) for past in answer.status.past] == [
        (begun.id, "rejected", "not today")
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (replace(SETTINGS, model=ModelSettings(path=Path("/own.tflite"))), "model.path"),
        (replace(SETTINGS, updates=UpdateSettings()), "updates.trust"),
    ],
)
def test_a_configuration_without_updates_is_reported(
    tmp_path: Path, settings: Settings, words: str
) -> None:
    scenario = Scenario(tmp_path, settings=settings).start()
    assert words in scenario.execute(request()).error


def test_a_model_of_ones_own_takes_the_place_of_what_was_installed(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    own = replace(SETTINGS, model=ModelSettings(path=Path("/own.tflite")))
    assert scenario.apply_settings(own).settings.path == Path("/own.tflite")
    assert scenario.apply_settings(SETTINGS).name == "marks@1"


def test_a_channel_without_news_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.run(1)
    assert "channel.stale" not in scenario.held_conditions
    scenario.clock.sleep(169 * 3600)
    scenario.run(1)
    assert "channel.stale" in scenario.held_conditions
    assert scenario.updates.active_digest == FACTORY


def test_a_channel_that_announced_news_sooner_is_stale_sooner_until_they_come(
    tmp_path: Path,
) -> None:
    scenario = Scenario(tmp_path).start()
    for sequence in (1, 2):
        ledger = scenario.store.read_ledger()
        scenario.store.write_ledger(replace(ledger, sequence=sequence, refresh_h=24.0))
        word = f"the {sequence}. word".encode()
        scenario.updates.process_message(MessageReceived("down/desired", word, True))  # noqa: FBT003
        scenario.run(0.25)
        scenario.updates.process_message(InstallFinished())
        scenario.clock.sleep(23 * 3600)
        scenario.run(1)
        assert "channel.stale" not in scenario.held_conditions
        scenario.clock.sleep(2 * 3600)
        scenario.run(1)
        assert "channel.stale" in scenario.held_conditions


def test_how_long_the_baseline_is_measured_is_set_by_the_bundle(
    tmp_path: Path,
) -> None:
    quick = make_version("3", counter=3, probation=Probation(min_baseline_s=1.0))
    scenario = staged_scenario(tmp_path, quick, OLD)
    scenario.run(1)
    assert scenario.state == "self-tested"
    scenario.run(1)
    assert scenario.state == "trial"
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert in_flight.baseline_fps == pytest.approx(12, abs=1)  # as many as `run` gives


def test_no_trial_begins_while_the_configuration_names_a_model(tmp_path: Path) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.apply_settings(replace(SETTINGS, model=ModelSettings(path=Path("/own.tflite"))))
    scenario.run(100)
    assert scenario.state == "self-tested"
    scenario.apply_settings(SETTINGS)
    scenario.run(10)
    assert scenario.state == "trial"


def test_a_desired_state_that_could_not_be_followed_is_read_again_after_a_pause(
    tmp_path: Path,
) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.updates.process_message(MessageReceived("down/desired", b"news", True))  # noqa: FBT003
    scenario.run(1)
    scenario.updates.process_message(InstallFinished(error="the trust file cannot be read"))
    assert "channel" in scenario.held_conditions
    scenario.updates.process_message(MessageReceived("down/desired", b"news", True))  # noqa: FBT003
    scenario.run(60)
    assert len(scenario.installs) == 1
    scenario.run(300)
    assert [desired for desired, _ in scenario.installs] == [b"news", b"news"]
    scenario.updates.process_message(InstallFinished())
    assert "channel" not in scenario.held_conditions


def test_nothing_is_removed_while_a_bundle_is_being_brought_in(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.execute(request())
    scenario.run(0.25)
    assert "is being installed" in scenario.execute(CollectGarbageRequest()).error


def test_an_installer_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.execute(request())
    scenario.run(0.25)
    scenario.run(MAX_INSTALLER_SILENCE_S - 10)
    scenario.updates.process_message(InstallProgress(state="fetching", done_bytes=1, total_bytes=2))
    scenario.run(MAX_INSTALLER_SILENCE_S - 10)
    assert [child.is_killed for _, child in scenario.installs] == [False]
    scenario.run(11)
    assert [child.is_killed for _, child in scenario.installs][:1] == [True]
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert "no progress for 180 s" in in_flight.blocked_reason
    assert "update" in scenario.held_conditions
    scenario.run(10)
    assert len(scenario.installs) == 2


def test_an_installer_that_ends_as_it_is_killed_ends_nobody_else(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.execute(request())
    scenario.run(0.25)
    scenario.execute(RollbackRequest())
    scenario.updates.process_message(InstallFinished())
    scenario.execute(request())
    scenario.run(0.25)
    assert [child.is_killed for _, child in scenario.installs] == [True, False]
    scenario.run(1)
    assert len(scenario.installs) == 2


def test_a_death_while_the_configuration_names_a_model_does_not_count_in_the_trial(
    tmp_path: Path,
) -> None:
    scenario = staged_scenario(tmp_path, NEW, OLD)
    scenario.run(10)
    scenario.settings = replace(SETTINGS, model=ModelSettings(path=Path("/own.tflite")))
    for _ in range(5):
        scenario = scenario.restart_after_kill()
    scenario.apply_settings(SETTINGS)
    in_flight = scenario.updates.status().deployment
    assert in_flight is not None
    assert (in_flight.state, in_flight.deaths) == ("trial", 0)
    assert scenario.updates.active_digest == NEW.digest


def test_a_password_in_a_url_is_not_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scenario = Scenario(tmp_path).start()
    answer = scenario.execute(request("https://me:hunter2@example.org/a.edgem?token=hunter3"))
    again = scenario.execute(request())
    over = scenario.execute(RollbackRequest())
    texts = f"{answer} {again} {over} {caplog.text}"
    assert "https://example.org" in texts
    assert "hunter" not in texts


def test_nothing_is_read_or_written_before_the_start(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    scenario.compose()
    assert scenario.disk_calls == []
    assert not scenario.conditions.active
    assert not (tmp_path / "store").exists()


def test_a_request_interrupts_a_channel_message_which_is_read_again_afterwards(
    tmp_path: Path,
) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.updates.process_message(MessageReceived("down/desired", b"news", True))  # noqa: FBT003
    scenario.run(0.25)
    begun = scenario.execute(request())
    assert (begun.error, scenario.installs[0][1].is_killed) == ("", True)
    scenario.updates.process_message(InstallFinished())  # of the killed one, too late
    scenario.run(0.25)
    assert [desired for desired, _ in scenario.installs] == [b"news", b""]
    scenario.execute(RollbackRequest())
    scenario.run(1)
    assert [desired for desired, _ in scenario.installs] == [b"news", b"", b"news"]


def test_a_version_that_failed_runs_again_after_it_was_installed_again(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path)
    device = StoreDevice(scenario.disk, {OLD.digest: OLD})
    device.start()
    device.install(OLD.digest)
    path = STORE_ROOT / "versions" / OLD.digest / "model.tflite"
    scenario.disk.write(scenario.disk.open_for_append(path), b"x")
    device.begin(OLD.digest)
    while device.ledger.deployment and device.ledger.deployment.state != "staged":
        device.step()
    scenario.start()
    assert "model.fallback" in scenario.held_conditions
    device.ledger = scenario.store.read_ledger()
    while device.ledger.deployment and device.ledger.deployment.state != "self-tested":
        device.step()
    scenario.run(0.25)
    scenario.updates.process_message(InstallFinished())
    scenario.run(70)
    assert scenario.state == "trial"
    scenario.execute(CommitRequest())
    assert scenario.updates.active_digest == OLD.digest
    assert "model.fallback" not in scenario.held_conditions


def test_a_rollback_that_could_not_be_recorded_does_not_end_another_trial(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.execute(request())
    scenario.disk_fails = True
    assert scenario.execute(RollbackRequest()).error
    scenario.disk_fails = False
    scenario.run(6)
    assert scenario.state == "fetching"
    assert not scenario.execute(RollbackRequest()).error
    assert scenario.state == ""
