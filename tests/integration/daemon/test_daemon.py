"""The whole daemon under what happens to daemons: signals, killed workers, bad models, a broker that goes and comes."""

import itertools
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edged.daemon.loop import DRAIN_TIMEOUT_S
from support.broker import Broker, running_broker
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder
from support.waiting import wait_for

SIMULATED = """
[model]
runtime = "simulated"
"""
SYNTHETIC = """
[camera.front]
source = "synthetic"
fps = 20
every_s = 0.7
stay_s = 1.5
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def mqtt(broker: Broker) -> str:
    return f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'


def test_sigterm_ends_it_cleanly_in_under_two_seconds(broker: Broker, tmp_path: Path) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, mqtt(broker) + SIMULATED + SYNTHETIC) as daemon,
    ):
        recorder.await_event("start")
        code, took_s = daemon.stop()
        recorder.await_status("offline")
    assert code == 0
    assert took_s < 2.0
    statuses = [body["status"] for body in recorder.payloads("/status")]
    assert statuses == ["online", "stopping", "offline"]
    state = recorder.payloads("/state")[-1]
    assert (state["online"], state["occupied"], state["counts"]) == (False, False, {})
    health = recorder.payloads("/health")[-1]
    assert health["overall"] == "failed", "the retained health must not say ok for ever"
    assert "SIGTERM" in health["degradations"][-1]["detail"]
    assert (health["cameras"]["front"]["online"], health["cameras"]["front"]["fps_in"]) == (
        False,
        0,
    )
    events = recorder.payloads("/events")
    started = {e["id"] for e in events if e["type"] == "start"}
    assert started == {e["id"] for e in events if e["type"] == "end"}, "no object is left open"


def test_a_frozen_broker_and_a_hung_worker_do_not_hold_up_the_end(
    broker: Broker, tmp_path: Path
) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, mqtt(broker) + SIMULATED + SYNTHETIC) as daemon,
    ):
        recorder.await_event("start")
        broker.freeze()
        (worker,) = daemon.await_worker_pids()
        os.kill(worker, signal.SIGSTOP)
        code, took_s = daemon.stop()
        broker.thaw()
    assert code == 0
    assert took_s < 2.0


def test_a_killed_worker_is_back_within_two_seconds_and_health_has_the_reason(
    broker: Broker, tmp_path: Path
) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, mqtt(broker) + SIMULATED + SYNTHETIC) as daemon,
    ):
        recorder.await_event("start")
        for _ in range(3):
            (worker,) = daemon.await_worker_pids()
            os.kill(worker, signal.SIGKILL)
            killed, moment = time.monotonic(), recorder.position()
            recorder.await_message("/state", lambda body: not body["online"], after=moment)
            moment = recorder.position()
            recorder.await_message("/detections", after=moment)
            assert time.monotonic() - killed < 2.0
            recorder.await_event("start", after=moment)
        health = recorder.await_health(lambda body: body["worker_restarts"] == 3)
    assert health["last_worker_loss"] == "was killed by SIGKILL"


def test_a_hung_worker_is_replaced(broker: Broker, tmp_path: Path) -> None:
    config = mqtt(broker) + SIMULATED + "hang_s = 1.0\n" + SYNTHETIC
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config) as daemon:
        recorder.await_event("start")
        (worker,) = daemon.await_worker_pids()
        os.kill(worker, signal.SIGSTOP)
        lost = recorder.await_health(lambda body: body["worker_restarts"] == 1)
        recorder.await_message("/detections", after=recorder.position())
    assert "no progress" in lost["last_worker_loss"]


def spooled_events(folder: Path) -> int:
    """Return the number of events in the daemon's spool on the disk."""
    with closing(sqlite3.connect(f"file:{folder}/state/spool/spool.db?mode=ro", uri=True)) as spool:
        query = "SELECT count(*) FROM message WHERE topic LIKE '%/events'"
        (count,) = spool.execute(query).fetchone()
        return int(count)


def test_every_event_arrives_in_order_over_a_broker_outage(broker: Broker, tmp_path: Path) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, mqtt(broker) + SIMULATED + SYNTHETIC) as daemon,
    ):
        recorder.await_event("end")
        broker.stop()
        before = spooled_events(tmp_path)
        wait_for(lambda: spooled_events(tmp_path) >= before + 4, timeout_s=40)
        broker.start()
        moment = recorder.position()
        recorder.await_message("/detections", after=moment, timeout_s=30)
        recorder.await_event("end", after=recorder.position())
        daemon.stop()
        recorder.await_status("offline")
    seqs = [event["seq"] for event in recorder.payloads("/events")]
    first_seen = list(dict.fromkeys(seqs))
    assert first_seen == list(range(first_seen[0], first_seen[-1] + 1)), "none is missing"
    falls = [(a, b) for a, b in itertools.pairwise(seqs) if b <= a]
    assert all(a - b < 20 for a, b in falls), "what is sent again was in flight"


def test_a_model_that_cannot_be_used_is_a_state_and_not_the_end(
    broker: Broker, tmp_path: Path
) -> None:
    (tmp_path / "model.tflite").write_bytes(b"this is no model")
    config = mqtt(broker) + '[model]\npath = "model.tflite"\n' + SYNTHETIC
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config) as daemon:
        health = recorder.await_health(lambda body: body["overall"] == "failed")
        assert daemon.process.poll() is None
        assert "Traceback" not in daemon.log_text
    (trouble,) = [d for d in health["degradations"] if d["name"] == "model"]
    assert "model.tflite" in trouble["detail"]


def test_a_missing_camera_is_a_state_and_another_camera_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    absent = '[camera.back]\nsource = "v4l2"\ndevice = "/dev/v4l/by-id/absent"\n'
    config = mqtt(broker) + SIMULATED + SYNTHETIC + absent
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config) as daemon:
        health = recorder.await_health(lambda body: body["overall"] == "degraded")
        recorder.await_event("start")
        assert "Traceback" not in daemon.log_text
    (trouble,) = health["degradations"]
    assert trouble["name"] == "camera.back"
    assert "/dev/v4l/by-id/absent" in trouble["detail"]


def test_sighup_takes_a_good_configuration_and_refuses_a_bad_one(
    broker: Broker, tmp_path: Path
) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, mqtt(broker) + SIMULATED + SYNTHETIC) as daemon,
    ):
        recorder.await_event("start")
        good = daemon.config.read_text()
        daemon.config.write_text(good.replace("fps = 20", "fsp = 20"))
        daemon.send_signal(signal.SIGHUP)
        health = recorder.await_health(
            lambda body: any(d["name"] == "config" for d in body["degradations"])
        )
        (trouble,) = health["degradations"]
        assert 'did you mean "fps"' in trouble["detail"]
        recorder.await_event("start", after=recorder.position())

        zone = (
            "[camera.front.zone.all]\npoints = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n"
        )
        daemon.config.write_text(good + zone)
        daemon.send_signal(signal.SIGHUP)
        moment = recorder.position()
        recorder.await_message(
            "/events", lambda body: body["entered_zones"] == ["all"], after=moment
        )
        recorder.await_health(lambda body: body["overall"] == "ok", after=moment)


def test_a_camera_and_its_worker_can_be_taken_out_by_a_reload(
    broker: Broker, tmp_path: Path
) -> None:
    two = mqtt(broker) + SIMULATED + "workers = 2\n" + SYNTHETIC
    back = SYNTHETIC.replace("front", "back")
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, two + back) as daemon:
        recorder.await_message("/back/state", lambda body: body["occupied"])
        daemon.config.write_text(daemon.config.read_text().replace(back, ""))
        moment = recorder.position()
        daemon.send_signal(signal.SIGHUP)
        recorder.await_message("/back/state", lambda body: not body["online"], after=moment)
        recorder.await_message("/front/state", lambda body: body["occupied"], after=moment)
        assert daemon.process.poll() is None
        last = recorder.payloads("/back/state")[-1]
        assert (last["online"], last["occupied"], last["counts"]) == (False, False, {})


def test_a_camera_in_a_process_of_its_own(broker: Broker, tmp_path: Path) -> None:
    config = mqtt(broker) + SIMULATED + SYNTHETIC + 'isolation = "process"\n'
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config):
        recorder.await_event("end")


def test_systemd_is_notified_of_readiness_progress_and_stopping(
    broker: Broker, tmp_path: Path
) -> None:
    pytest.importorskip("systemd.daemon", reason="systemd-python is not installed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(20)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        with DaemonProcess(tmp_path, mqtt(broker) + SIMULATED + SYNTHETIC, env=env) as daemon:
            notices: list[str] = []
            while notices.count("WATCHDOG=1") < 2:
                notices.append(notify.recv(500).decode())
            daemon.send_signal(signal.SIGHUP)
            while not notices[-1].startswith("RELOADING=1"):
                notices.append(notify.recv(500).decode())
            notices.append(notify.recv(500).decode())
            daemon.stop()
            while not notices[-1].startswith("STOPPING=1\n"):
                notices.append(notify.recv(500).decode())
    assert notices[0].startswith("READY=1\nSTATUS=running") or "WATCHDOG=1" in notices[0]
    reload = next(i for i, text in enumerate(notices) if text.startswith("RELOADING=1"))
    assert any(text.startswith("READY=1") for text in notices[reload + 1 :])


def test_systemd_is_given_the_time_in_which_the_outbox_drains(
    tmp_path: Path,
) -> None:
    """All cameras have come to their end, and there is no broker: without it systemd would end the daemon by force."""
    pytest.importorskip("systemd.daemon", reason="systemd-python is not installed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(20)
        nobody = '[mqtt]\nhost = "127.0.0.1"\nport = 1\n'
        config = nobody + SIMULATED + SYNTHETIC + 'frames = 5\nspeed = "max"\n'
        with DaemonProcess(tmp_path, config, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}):
            notice = ""
            while not notice.startswith("STOPPING=1\n"):
                notice = notify.recv(500).decode()
    assert int(notice.partition("EXTEND_TIMEOUT_USEC=")[2]) > DRAIN_TIMEOUT_S * 1e6


def test_a_second_daemon_on_the_same_state_is_refused(broker: Broker, tmp_path: Path) -> None:
    config = mqtt(broker) + SIMULATED + SYNTHETIC
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config):
        recorder.await_status("online")
        with DaemonProcess(tmp_path, config) as second:
            assert second.process.wait(20) == 1
            assert "Traceback" not in second.log_text
