"""What may happen to a whole daemon in the middle of an update, and to its processes: signals, another configuration, hangs."""

import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.errors import UpdateError
from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import Deployment, DeploymentRecord, DeploymentRequest
from edged.updates.service.control_messages import (
    CommitRequest,
    InstallRequest,
    ModelStatus,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.install_supervisor import MAX_INSTALLER_SILENCE_S
from support.kill_daemon import ALL_PROCESSES, KillableDaemon

SETTINGS = 'runtime = "simulated"\nhang_s = 1.0\n'
QUICK_TRIAL = Probation(
    min_baseline_s=0.5,
    min_s=0.5,
    min_frames=20,
    max_s=30.0,
    min_fps_ratio=0.0,
    max_p95_ratio=1000.0,
    min_boxes=0,
)
SHORT_TRIAL = replace(QUICK_TRIAL, min_s=3.0)
LONG_TRIAL = replace(QUICK_TRIAL, min_s=60.0, max_s=120.0)
OLD, NEW = "marks@1", "marks@2"


def simulated(folder: Path, name: str, **faults: float) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"name": name, "faults": faults}))
    return path


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[KillableDaemon]:
    """With version 1 committed."""
    with KillableDaemon(tmp_path, model=simulated(tmp_path, "model"), settings=SETTINGS) as station:
        assert (
            station.install(station.build_bundle("1", probation=QUICK_TRIAL)).outcome == "committed"
        )
        yield station


def begin_trial(
    daemon: KillableDaemon, probation: Probation = LONG_TRIAL, model: Path | None = None
) -> None:
    """Of version 2, which looks when this returns."""
    bundle = daemon.build_bundle("2", model, counter=2, probation=probation)
    await_status(daemon)
    daemon.request_install(bundle).join()
    daemon.await_inference(NEW)


def await_status(daemon: KillableDaemon) -> ModelStatus:
    def answered() -> ModelStatus | None:
        try:
            return daemon.control_client.execute(StatusRequest()).status
        except UpdateError:
            return None

    return daemon.wait_for(answered)


def in_flight(daemon: KillableDaemon) -> Deployment:
    deployment = await_status(daemon).deployment
    assert deployment is not None
    return deployment


def await_past(daemon: KillableDaemon) -> DeploymentRecord:
    return daemon.wait_for(lambda: None if daemon.ledger().deployment else daemon.ledger().past[-1])


def test_the_third_death_of_the_daemon_ends_the_trial(daemon: KillableDaemon) -> None:
    begin_trial(daemon)
    for deaths in (1, 2, 3):
        daemon.kill("daemon")
        daemon.restart()
        daemon.await_inference(NEW if deaths < 3 else OLD)
    past = await_past(daemon)
    assert (past.title, past.outcome) == (NEW, "rolled-back")
    assert past.reason == "the daemon crashed 3 times in the trial"
    assert past.digest not in daemon.ledger().denied, "the model does not run in the daemon"


def test_who_is_killed_as_it_ends_in_a_trial_has_died_at_most_once(daemon: KillableDaemon) -> None:
    begin_trial(daemon)
    counted = [0]
    for after_s in (0.0, 0.1):
        daemon.send_signal(signal.SIGTERM)
        time.sleep(after_s)
        daemon.process.kill()
        daemon.process.wait()
        daemon.restart()
        daemon.await_inference(NEW)
        counted.append(in_flight(daemon).deaths)
    assert all(b - a in {0, 1} for a, b in itertools.pairwise(counted))
    assert daemon.stop()[0] == 0
    daemon.restart()
    daemon.await_inference(NEW)
    assert in_flight(daemon).deaths == counted[-1]
    assert daemon.control_client.execute(CommitRequest()).error == ""
    assert await_past(daemon).outcome == "committed"
    daemon.await_inference(NEW)


def test_a_sighup_does_not_disturb_a_trial(daemon: KillableDaemon) -> None:
    begin_trial(daemon, SHORT_TRIAL)
    began_s, progress = time.monotonic(), list[float]()
    while in_trial := await_status(daemon):
        if in_trial.deployment is None:
            break
        progress.append(in_trial.progress)
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.3)
    took_s = time.monotonic() - began_s
    assert await_past(daemon).outcome == "committed"
    assert progress == sorted(progress)
    assert took_s < 2 * SHORT_TRIAL.min_s
    assert daemon.log_text.count("the configuration was reloaded") > 5


def test_a_model_of_ones_own_takes_the_place_of_the_one_on_trial_which_waits(
    daemon: KillableDaemon, tmp_path: Path
) -> None:
    begin_trial(daemon, SHORT_TRIAL)
    pin = f'path = "{simulated(tmp_path, "own")}"\n'
    config = daemon.config.read_text()
    daemon.config.write_text(config.replace(SETTINGS, SETTINGS + pin))
    daemon.send_signal(signal.SIGHUP)
    daemon.await_inference("own@1")
    for _ in range(3):
        daemon.kill("daemon")
        daemon.restart()
        daemon.await_inference("own@1")
    assert (in_flight(daemon).state, in_flight(daemon).deaths) == ("trial", 0)
    daemon.config.write_text(config)
    daemon.send_signal(signal.SIGHUP)
    daemon.await_inference(NEW)
    assert await_past(daemon).outcome == "committed"


def test_a_trial_beside_another_factory_model_than_it_began_with(tmp_path: Path) -> None:
    settings = SETTINGS + 'bundled = "marks-fast"\n'
    with KillableDaemon(tmp_path, model=simulated(tmp_path, "model"), settings=settings) as station:
        begin_trial(station, SHORT_TRIAL)
        station.kill(ALL_PROCESSES)
        station.config.write_text(station.config.read_text().replace("marks-fast", "marks"))
        station.restart()
        assert await_past(station).outcome == "committed"
        station.await_inference(NEW)


def test_a_model_that_hangs_in_its_trial_is_rolled_back(
    daemon: KillableDaemon, tmp_path: Path
) -> None:
    begin_trial(daemon, model=simulated(tmp_path, "hangs", hang_after=100))
    past = await_past(daemon)
    assert past.outcome == "rolled-back"
    assert "made no progress for 1 s" in past.reason
    daemon.await_inference(OLD)
    worst = max(daemon.inference_gaps(), key=lambda gap: gap.seconds - gap.cpu_wait_s)
    assert worst.seconds > 1.0
    assert worst.seconds - worst.cpu_wait_s < 1.0 + 2.0


@pytest.mark.parametrize("times", [1, 3])
def test_a_self_test_that_is_killed_is_tried_again_but_not_for_ever(
    daemon: KillableDaemon, times: int
) -> None:
    bundle = daemon.build_bundle("2", counter=2, probation=QUICK_TRIAL)
    request_thread = daemon.request_install(bundle)
    killed = set[int]()

    def killed_enough() -> bool | None:
        pid = daemon.pids_by_kind().get("self-test")
        if pid is not None and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return True if len(killed) == times else None

    daemon.wait_for(killed_enough)
    past = daemon.await_outcome(bundle, request_thread)
    if times == 1:
        assert past.outcome == "committed"
    else:
        assert past.outcome == "rejected"
        assert "killed by SIGKILL: is there too little memory?" in past.reason


@pytest.mark.parametrize("end", ["rollback", "sigterm"])
def test_an_installer_that_stands_still_holds_up_neither_a_rollback_nor_the_end(
    daemon: KillableDaemon, end: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/marks-2.edgem"
        assert (
            daemon.control_client.execute(
                InstallRequest(request=DeploymentRequest(source=url))
            ).error
            == ""
        )
        connection, _ = silent.accept()
        with connection:
            daemon.await_inference(OLD)
            installer = daemon.pids_by_kind()["installer"]
            os.kill(installer, signal.SIGSTOP)
            if end == "rollback":
                past = daemon.control_client.execute(
                    RollbackRequest(reason="not today")
                ).status.past[-1]
                assert (past.outcome, past.reason) == ("rejected", "not today")
            else:
                assert daemon.stop()[1] < 2.0
        assert not Path(f"/proc/{installer}").exists()


@pytest.mark.campaign
def test_an_installer_that_stands_still_is_replaced(daemon: KillableDaemon) -> None:
    bundle = daemon.build_bundle("2", counter=2, probation=QUICK_TRIAL)
    request_thread = daemon.request_install(bundle)
    os.kill(daemon.wait_for(lambda: daemon.pids_by_kind().get("installer")), signal.SIGSTOP)
    assert (
        daemon.await_outcome(bundle, request_thread, timeout_s=MAX_INSTALLER_SILENCE_S + 60).outcome
        == "committed"
    )
