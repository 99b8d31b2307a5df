"""SIGHUP in a running daemon: one setting of each kind, what it does to the workers, and that no frame is lost where none may be."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edged.config.reload_effects import ReloadEffect, effect_of
from support.broker import Broker, running_broker
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder

CONFIG = """
[log]
level = "info"
[model]
runtime = "simulated"
threads = 1
workers = 2
[detect]
threshold = 0.5
[events]
max_detections_hz = 1000
[track]
lost_s = 2.0
"""
CAMERA = """
[camera.{name}]
source = "synthetic"
fps = 5
every_s = 0.7
stay_s = 1.5
"""
WHOLE_FRAME = "[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def write_config(broker: Broker) -> str:
    cameras = CAMERA.format(name="a") + CAMERA.format(name="b")
    return f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{CONFIG}{cameras}'


def reload(daemon: DaemonProcess, change: Callable[[str], str]) -> None:
    before = daemon.config.read_text()
    after = change(before)
    assert after != before
    count = daemon.log_text.count("the configuration was reloaded")
    daemon.config.write_text(after)
    daemon.send_signal(signal.SIGHUP)
    daemon.await_log("the configuration was reloaded", count + 1)


def add_table(table: str, **keys: str) -> Callable[[str], str]:
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return lambda text: f"{text}\n[{table}]\n{lines}"


def set_key(key: str, value: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)


LIVE_CHANGES = [
    ("log.level", set_key("level", '"debug"')),
    ("events.max_detections_hz", set_key("max_detections_hz", "999")),
    ("detect.threshold", set_key("threshold", "0.3")),
    ("track.lost_s", set_key("lost_s", "1.0")),
    ("camera.b.zone", add_table("camera.b.zone.all", points=WHOLE_FRAME)),
    ("camera.a.mask", add_table("camera.a.mask.all", points=WHOLE_FRAME)),
]


def test_what_a_running_worker_can_take_costs_no_frame(broker: Broker, tmp_path: Path) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, write_config(broker)) as daemon,
    ):
        await_both_online(recorder)
        pids = sorted(daemon.worker_pids())
        moment = recorder.position()
        for key, change in LIVE_CHANGES:
            assert effect_of(key) in {ReloadEffect.LIVE, ReloadEffect.SCENES}
            reload(daemon, change)
        recorder.await_message("/a/state", lambda body: not body["occupied"], after=moment)
        recorder.await_message("/b/state", lambda body: body["zones"].get("all"), after=moment)
        assert sorted(daemon.worker_pids()) == pids, "no worker was replaced"
        daemon.stop()
        recorder.await_status("offline")
    health = recorder.payloads("/health")[-1]
    assert health["worker_restarts"] == 0
    assert {name: camera["dropped"] for name, camera in health["cameras"].items()} == {
        "a": 0,
        "b": 0,
    }


def await_both_online(recorder: MqttRecorder) -> None:
    for camera in ("a", "b"):
        recorder.await_message(f"/{camera}/state", lambda body: body["online"] and body["occupied"])


def test_a_camera_replaces_its_own_worker_and_the_model_every_worker(
    broker: Broker, tmp_path: Path
) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, write_config(broker)) as daemon,
    ):
        await_both_online(recorder)
        before = set(daemon.worker_pids())
        moment = recorder.position()
        reload(daemon, set_key("fps", "6"))  # the first camera's
        recorder.await_message("/a/state", lambda body: not body["online"], after=moment)
        recorder.await_message("/a/state", lambda body: body["online"], after=recorder.position())
        after = set(daemon.worker_pids())
        assert len(before & after) == 1

        moment = recorder.position()
        reload(daemon, set_key("threads", "2"))
        for camera in ("a", "b"):
            recorder.await_message(f"/{camera}/detections", after=moment)
        recorder.await_message("/b/state", lambda body: body["occupied"], after=moment)
        assert not set(daemon.worker_pids()) & (before | after)


def test_what_needs_a_restart_is_reported_by_name(broker: Broker, tmp_path: Path) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, write_config(broker)) as daemon,
    ):
        await_both_online(recorder)
        pids = sorted(daemon.worker_pids())
        reload(daemon, add_table("spool", max_mb="1.0"))
        health = recorder.await_health(lambda body: body["overall"] == "degraded")
        assert sorted(daemon.worker_pids()) == pids
    (condition,) = health["degradations"]
    assert condition["name"] == "config.restart"
    assert "spool.max_mb" in condition["detail"]
