"""The real clip through the whole daemon and a real broker: one person at a time, six visits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.broker import Broker, running
from support.daemon import DEVICE, Daemon
from support.data import data
from support.witness import Witness

pytestmark = [pytest.mark.runtime, pytest.mark.timeout(300)]

VISITS = ((70, 190), (230, 440), (510, 690), (750, 860), (930, 1190), (1240, 1350))
"""First and last frames, about; from the test data's README."""
SLACK_FRAMES = 30
"""`lost_s` of 2 s at 10 fps, and the README's "about"."""
MODELS = {
    "with metadata": ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite", False),
    "without metadata": ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite", True),
    "TF2 output order": ("coco_ssd_v1_tf2_output_order.tflite", True),
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path / "broker")) as broker:
        yield broker


def config(broker: Broker, model: str, *, labels_file: bool) -> str:
    labels = f'labels_file = "{data("models/coco_labelmap.txt")}"' if labels_file else ""
    return f"""
[mqtt]
host = "127.0.0.1"
port = {broker.port}
[model]
path = "{data(f"models/{model}")}"
{labels}
[detect]
labels = ["person"]
[camera.front]
source = "replay"
path = "{data("video/one-by-one-person-detection.mp4")}"
speed = "max"
loop = false
"""


@pytest.mark.parametrize("name", MODELS)
def test_occupancy_goes_on_and_off_six_times(name: str, broker: Broker, tmp_path: Path) -> None:
    model, labels_file = MODELS[name]
    with (
        Witness(broker.port) as witness,
        Daemon(tmp_path, config(broker, model, labels_file=labels_file)) as daemon,
    ):
        assert daemon.process.wait(240) == 0, "every camera was finite and has ended"
        witness.await_status("offline")
    occupied = [state["occupied"] for state in witness.payloads("/front/state")]
    switches = [
        now for before, now in zip([False, *occupied], occupied, strict=False) if now != before
    ]
    assert switches == [True, False] * 6

    events = witness.payloads(f"edged/v1/{DEVICE}/up/camera/front/events")
    assert {event["label"] for event in events} == {"person"}
    starts = [event["frame"] for event in events if event["type"] == "start"]
    ends = [event["frame"] for event in events if event["type"] == "end"]
    assert len(starts) == len(ends) >= 6
    for frame in starts:
        assert any(a - SLACK_FRAMES <= frame <= b for a, b in VISITS), f"a person in a gap: {frame}"
    for frame in ends:
        assert any(a <= frame <= b + SLACK_FRAMES for a, b in VISITS), f"gone in a gap: {frame}"
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})

    health = witness.payloads("/health")[-1]
    camera = health["cameras"]["front"]
    assert camera["frames"] == camera["inferred"] + camera["dropped"] == 1394
    assert camera["dropped"] == 0, "at full speed nothing is dropped"
