"""The whole daemon and its hard examples: what is on its disk under each policy, also after a restart and with a folder that cannot be written."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.pictures.example import ExampleNote, read_note
from support.broker import Broker, running_broker
from support.controller import Controller
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder
from support.waiting import wait_for

CAMERA = '[camera.a]\nsource = "synthetic"\n'
EVERY_FRAME = "[collect]\nenabled = true\nmargin = 0.5\ninterval_s = 1\nkeep_count = 3\n"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def config(broker: Broker, policy: str, *tables: str) -> str:
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    commands = "[commands]\nenabled = true\n[health]\ninterval_s = 1\n"
    return "\n".join((mqtt, commands, f'[images]\npolicy = "{policy}"\n', *tables, CAMERA))


def read_examples(folder: Path) -> list[ExampleNote]:
    found = sorted((folder / "state" / "examples").glob("*.jpg"))
    return [read_note(path.read_bytes()) for path in found]


def test_hard_examples_are_kept_bounded_and_stay_over_a_restart(
    broker: Broker, tmp_path: Path
) -> None:
    text = config(broker, "events", EVERY_FRAME)
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, text):
        wait_for(lambda: len(read_examples(tmp_path)) == 3, timeout_s=60)
        recorder.await_health(lambda body: (body["collected"] or {}).get("kept") == 3)
    kept = read_examples(tmp_path)
    assert {(one.camera, one.reason) for one in kept} == {("a", "margin")}
    assert all(one.boxes for one in kept)
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, config(broker, "on_request", EVERY_FRAME)),
    ):
        recorder.await_event("start", timeout_s=60)
        reply = controller.ask("collect", {"camera": "a"})
        assert reply["ok"], reply
        path = tmp_path / "state" / "examples" / reply["result"]["file"]
        assert read_note(path.read_bytes()).reason == "request"
        assert read_examples(tmp_path)[:2] == kept[1:], "the oldest made room"
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None
        assert pixels.std() > 1


@pytest.mark.parametrize(
    ("policy", "tables", "needed"),
    [("never", EVERY_FRAME, "images.policy"), ("events", "", "collect.enabled")],
)
def test_nothing_is_kept_without_both_settings(
    broker: Broker, tmp_path: Path, policy: str, tables: str, needed: str
) -> None:
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, config(broker, policy, tables)),
    ):
        recorder.await_event("end", timeout_s=60)
        refused = controller.ask("collect", {"camera": "a"})
        assert refused["error"]["code"] == "refused"
        assert needed in refused["error"]["message"]
    assert not (tmp_path / "state" / "examples").exists()


def test_a_folder_that_cannot_be_written_is_told_and_inference_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "examples").write_text("not a folder")
    text = config(broker, "events", EVERY_FRAME)
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, text):
        recorder.await_health(lambda body: "examples" in [c["name"] for c in body["degradations"]])
        recorder.await_health(lambda body: body["collected"]["failed"] > 0)
        after = recorder.position()
        recorder.await_event("start", after=after, timeout_s=60)
