"""What the demo shows, against the truth: the bundled model on the synthetic camera's default scene, through the whole daemon."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edged.cameras.synthetic import SyntheticCamera
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.clock import SystemClock
from support.daemon import DaemonProcess

pytestmark = pytest.mark.runtime

FPS = 15
SECONDS = 60
WITHIN_S = 0.5
"""A mark counts as there from the first to the last frame that has a sliver of it, which no model sees."""


def wall_s(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def test_every_event_of_a_minute_is_true_and_on_time(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    config = (
        f'[jsonl]\npath = "{path}"\n[camera.demo]\nsource = "synthetic"\nspeed = "max"\n'
        f"fps = {FPS}\nframes = {FPS * SECONDS}\n"
    )
    with DaemonProcess(tmp_path, config) as daemon:
        assert daemon.process.wait(100) == 0
    messages: dict[str, list[Any]] = {"events": [], "detections": []}
    for line in path.read_text().splitlines():
        message = json.loads(line)
        messages.setdefault(message["topic"].rpartition("/")[2], []).append(message["payload"])
    seen = messages["detections"][0]
    began_s = wall_s(seen["captured"]) - seen["frame"] / FPS

    got = sorted(
        (wall_s(e["started"]) - began_s, wall_s(e["ended"]) - began_s, e["label"])
        for e in messages["events"]
        if e["type"] == "end"
    )
    stage = SyntheticCamera("demo", SyntheticSettings(fps=FPS), SystemClock()).scene
    frames: dict[tuple[int, str], list[int]] = {}
    for frame in range(FPS * SECONDS):
        for mark in stage.get_ground_truth(frame):
            frames.setdefault((mark.id, mark.label), []).append(frame)
    true = [(seen[0] / FPS, seen[-1] / FPS, label) for (_, label), seen in frames.items()]
    assert [label for _, _, label in got] == [label for _, _, label in true]
    for (start, end, _), (enters, leaves, _) in zip(got, true, strict=True):
        assert start == pytest.approx(enters, abs=WITHIN_S)
        assert end == pytest.approx(leaves, abs=WITHIN_S)
