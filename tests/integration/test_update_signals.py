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
from edged.updates.rules.ledger import Deployment, Past, Request
from edged.updates.service.control_messages import Commit, Install, ModelStatus, RollBack, Status
from edged.updates.service.service import SILENT_S
from support.killing import Station

SETTINGS = 'runtime = "simulated"\nhang_s = 1.0\n'
QUICK = Probation(
    baseline_s=0.5,
    min_s=0.5,
    min_frames=20,
    most_s=30.0,
    least_fps_ratio=0.0,
    most_p95_ratio=1000.0,
    least_boxes=0,
)
SHORT = replace(QUICK, min_s=3.0)
LONG = replace(QUICK, min_s=60.0, most_s=120.0)
OLD, NEW = "marks@1", "marks@2"


def simulated(folder: Path, name: str, **faults: float) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"name": name, "faults": faults}))
    return path


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """With version 1 committed."""
    with Station(tmp_path, model=simulated(tmp_path, "model"), settings=SETTINGS) as station:
        assert station.install(station.bundle("1", probation=QUICK)).outcome == "committed"
        yield station


def begin_trial(station: Station, probation: Probation = LONG, model: Path | None = None) -> None:
    """Of version 2, which looks when this returns."""
    bundle = station.bundle("2", model, counter=2, probation=probation)
    status(station)
    station.ask_for(bundle).join()
    station.await_model(NEW)


def status(station: Station) -> ModelStatus:
    def answered() -> ModelStatus | None:
        try:
            return station.client.ask(Status()).status
        except UpdateError:
            return None

    return station.until(answered)


def in_flight(station: Station) -> Deployment:
    deployment = status(station).deployment
    assert deployment is not None
    return deployment


def last(station: Station) -> Past:
    return station.until(lambda: None if station.ledger().deployment else station.ledger().past[-1])


def test_the_third_death_of_the_daemon_ends_the_trial(station: Station) -> None:
    begin_trial(station)
    for deaths in (1, 2, 3):
        station.strike("daemon")
        station.start()
        station.await_model(NEW if deaths < 3 else OLD)
    past = last(station)
    assert (past.title, past.outcome) == (NEW, "rolled-back")
    assert past.reason == "the daemon died 3 times in the trial"
    assert past.digest in station.ledger().denied


def test_who_is_killed_as_it_ends_in_a_trial_has_died_at_most_once(station: Station) -> None:
    begin_trial(station)
    counted = [0]
    for after_s in (0.0, 0.1):
        station.send(signal.SIGTERM)
        time.sleep(after_s)
        station.process.kill()
        station.process.wait()
        station.start()
        station.await_model(NEW)
        counted.append(in_flight(station).deaths)
    assert all(b - a in {0, 1} for a, b in itertools.pairwise(counted))
    assert station.end()[0] == 0
    station.start()
    station.await_model(NEW)
    assert in_flight(station).deaths == counted[-1]
    assert station.client.ask(Commit()).error == ""
    assert last(station).outcome == "committed"
    station.await_model(NEW)


def test_a_sighup_does_not_disturb_a_trial(station: Station) -> None:
    begin_trial(station, SHORT)
    began_s, progress = time.monotonic(), list[float]()
    while in_trial := status(station):
        if in_trial.deployment is None:
            break
        progress.append(in_trial.progress)
        station.send(signal.SIGHUP)
        time.sleep(0.3)
    took_s = time.monotonic() - began_s
    assert last(station).outcome == "committed"
    assert progress == sorted(progress)
    assert took_s < 2 * SHORT.min_s
    assert station.said.count("the configuration was read again") > 5


def test_a_model_of_ones_own_takes_the_place_of_the_one_on_trial_which_waits(
    station: Station, tmp_path: Path
) -> None:
    begin_trial(station, SHORT)
    pin = f'path = "{simulated(tmp_path, "own")}"\n'
    config = station.config.read_text()
    station.config.write_text(config.replace(SETTINGS, SETTINGS + pin))
    station.send(signal.SIGHUP)
    station.await_model("own@1")
    for _ in range(3):
        station.strike("daemon")
        station.start()
        station.await_model("own@1")
    assert (in_flight(station).state, in_flight(station).deaths) == ("trial", 0)
    station.config.write_text(config)
    station.send(signal.SIGHUP)
    station.await_model(NEW)
    assert last(station).outcome == "committed"


def test_a_trial_beside_another_factory_model_than_it_began_with(tmp_path: Path) -> None:
    settings = SETTINGS + 'bundled = "marks-fast"\n'
    with Station(tmp_path, model=simulated(tmp_path, "model"), settings=settings) as station:
        begin_trial(station, SHORT)
        station.strike("everything")
        station.config.write_text(station.config.read_text().replace("marks-fast", "marks"))
        station.start()
        assert last(station).outcome == "committed"
        station.await_model(NEW)


def test_a_model_that_hangs_in_its_trial_is_rolled_back(station: Station, tmp_path: Path) -> None:
    begin_trial(station, model=simulated(tmp_path, "hangs", hang_after=100))
    past = last(station)
    assert past.outcome == "rolled-back"
    assert "made no progress for 1 s" in past.reason
    station.await_model(OLD)
    worst = max(station.gaps(), key=lambda gap: gap.seconds - gap.waited_s)
    assert worst.seconds > 1.0
    assert worst.seconds - worst.waited_s < 1.0 + 2.0


@pytest.mark.parametrize("times", [1, 3])
def test_a_self_test_that_is_killed_is_tried_again_but_not_for_ever(
    station: Station, times: int
) -> None:
    bundle = station.bundle("2", counter=2, probation=QUICK)
    asking = station.ask_for(bundle)
    killed = set[int]()

    def killed_enough() -> bool | None:
        pid = station.present().get("self-test")
        if pid is not None and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return True if len(killed) == times else None

    station.until(killed_enough)
    past = station.outcome(bundle, asking)
    if times == 1:
        assert past.outcome == "committed"
    else:
        assert past.outcome == "rejected"
        assert "killed by SIGKILL: is there too little memory?" in past.reason


@pytest.mark.parametrize("end", ["rollback", "sigterm"])
def test_an_installer_that_stands_still_holds_up_neither_a_rollback_nor_the_end(
    station: Station, end: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/marks-2.edgem"
        assert station.client.ask(Install(request=Request(source=url))).error == ""
        connection, _ = silent.accept()
        with connection:
            station.await_model(OLD)
            installer = station.present()["installer"]
            os.kill(installer, signal.SIGSTOP)
            if end == "rollback":
                past = station.client.ask(RollBack(reason="not today")).status.past[-1]
                assert (past.outcome, past.reason) == ("rejected", "not today")
            else:
                assert station.end()[1] < 2.0
        assert not Path(f"/proc/{installer}").exists()


@pytest.mark.campaign
def test_an_installer_that_stands_still_is_replaced(station: Station) -> None:
    bundle = station.bundle("2", counter=2, probation=QUICK)
    asking = station.ask_for(bundle)
    os.kill(station.until(lambda: station.present().get("installer")), signal.SIGSTOP)
    assert station.outcome(bundle, asking, timeout_s=SILENT_S + 60).outcome == "committed"
