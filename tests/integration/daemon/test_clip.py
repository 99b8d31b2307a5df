"""The real clip through the whole daemon and a real broker: one person at a time, six visits."""

import itertools
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

from support.broker import Broker, running_broker
from support.daemon import DEVICE_NAME, DaemonProcess
from support.data_files import data_file
from support.mqtt_recorder import MqttRecorder

pytestmark = [pytest.mark.runtime, pytest.mark.timeout(300)]

VISITS = ((70, 190), (230, 440), (510, 690), (750, 860), (930, 1190), (1240, 1350))
"""First and last frames, about; from the test data's README."""
FRAMES = 1394
THINNED = 5
SLACK_FRAMES = 30
"""`lost_s` of 2 s at 10 fps, and the README's "about"."""
MODELS = {
    "with metadata": ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite", False),
    "without metadata": ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite", True),
    "TF2 output order": ("coco_ssd_v1_tf2_output_order.tflite", True),
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The clip, and which of its frames it holds: every one, or, on the runtime that takes 0.14 s a frame, every fifth."""
    whole = data_file("video/one-by-one-person-detection.mp4")
    if find_spec("ai_edge_litert"):
        return whole, 1
    thin = tmp_path_factory.mktemp("clip") / "every-fifth.mp4"
    reader = cv2.VideoCapture(str(whole))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(thin), cv2.VideoWriter.fourcc(*"mp4v"), 10 / THINNED, size)
    for frame in itertools.count():
        ok, picture = reader.read()
        if not ok:
            break
        if frame % THINNED == 0:
            writer.write(picture)
    reader.release()
    writer.release()
    return thin, THINNED


def config(broker: Broker, model: str, clip: Path, *, labels_file: bool) -> str:
    labels = f'labels_file = "{data_file("models/coco_labelmap.txt")}"' if labels_file else ""
    return f"""
[mqtt]
host = "127.0.0.1"
port = {broker.port}
[model]
path = "{data_file(f"models/{model}")}"
threads = 2
{labels}
[detect]
labels = ["person"]
[camera.front]
source = "replay"
path = "{clip}"
speed = "max"
loop = false
"""


@pytest.mark.parametrize("name", MODELS)
def test_occupancy_goes_on_and_off_six_times(
    name: str, clip: tuple[Path, int], broker: Broker, tmp_path: Path
) -> None:
    path, step = clip
    model, labels_file = MODELS[name]
    with (
        MqttRecorder(broker.port) as witness,
        DaemonProcess(tmp_path, config(broker, model, path, labels_file=labels_file)) as daemon,
    ):
        assert daemon.process.wait(240) == 0, "every camera was finite and has ended"
        witness.await_status("offline")
    occupied = [state["occupied"] for state in witness.payloads("/front/state")]
    switches = [
        now for before, now in zip([False, *occupied], occupied, strict=False) if now != before
    ]
    assert switches == [True, False] * 6

    events = witness.payloads(f"edged/v1/{DEVICE_NAME}/up/camera/front/events")
    assert {event["label"] for event in events} == {"person"}
    starts = [event["frame"] * step for event in events if event["type"] == "start"]
    ends = [event["frame"] * step for event in events if event["type"] == "end"]
    assert len(starts) == len(ends) == 6
    for frame in starts:
        assert any(a - SLACK_FRAMES <= frame <= b for a, b in VISITS), f"a person in a gap: {frame}"
    for frame in ends:
        assert any(a <= frame <= b + SLACK_FRAMES for a, b in VISITS), f"gone in a gap: {frame}"
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})

    health = witness.payloads("/health")[-1]
    camera = health["cameras"]["front"]
    assert camera["frames"] == camera["inferred"] + camera["dropped"] == -(-FRAMES // step)
    assert camera["dropped"] == 0, "at full speed nothing is dropped"
