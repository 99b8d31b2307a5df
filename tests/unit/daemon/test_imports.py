"""The supervisor runs without numpy and OpenCV (20 MB and a tenth of a second of its start), and starts without what only updates, trials and the broker need."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from edged.registry import CAMERAS, DIALECTS
from edged.types import Detections
from edged.vision.messages import FromWorker, ModelLoading, PlanDeclined, WorkerFault
from edged.vision.packets import FROM_WORKER, pack_observation
from support.worker_messages import (
    camera_report,
    candidate_failure,
    model_ready,
    shadow_comparison,
)

PROGRAM = """
import json, sys
from pathlib import Path

import edged.daemon.main
from edged.config.load import load_config
from edged.scene.scene import Scene
from edged.vision.messages import Observation
from edged.vision.packets import FROM_WORKER

settings = load_config(Path(sys.argv[1])).settings
messages = [FROM_WORKER.decode(bytes.fromhex(packet)) for packet in json.load(sys.stdin)]
for camera in settings.camera.values():
    scene = Scene(camera, detect=settings.detect, track=settings.track, events=settings.events, labels=("person",))
    for message in messages:
        if isinstance(message, Observation):
            scene.observe(message.detections, captured_ns=0, frame_seq=0, width=64, height=48, moving=True)
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"numpy", "cv2", "scipy", "av"})
print(json.dumps({"heavy": heavy, "sources": [camera.source for camera in settings.camera.values()],
                  "kinds": [type(message).__name__ for message in messages]}))
"""
CAMERA = {
    "replay": 'path = "clip.mp4"',
    "v4l2": 'device = "/dev/video0"',
    "rtsp": 'url = "rtsp://camera/stream"',
}
"""The keys that a driver requires."""
MESSAGES: tuple[FromWorker, ...] = (
    model_ready(),
    camera_report(),
    WorkerFault(kind="model", reason="no model"),
    ModelLoading(is_loading=True),
    PlanDeclined(plan=1, reason="no model"),
    candidate_failure(),
    shadow_comparison(),
)
OBSERVATION = pack_observation(
    *(0, 0, 0, 0, 64, 48),
    (0, 0, 0, 0, 0, 0),
    moving=True,
    detections=Detections(
        np.array([[0.1, 0.1, 0.5, 0.5]], np.float32),
        np.array([0.9], np.float32),
        np.array([0], np.int32),
    ),
)


def write_settings(folder: Path) -> Path:
    """Write a configuration with a camera of every driver, zones and filters, and every dialect."""
    cameras = "\n".join(
        f'[camera.{source}]\nsource = "{source}"\n{CAMERA.get(source, "")}\n'
        f"[camera.{source}.zone.door]\npoints = [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]\n"
        for source in CAMERAS
    )
    dialects = "\n".join(f"[dialect.{name}]" for name in DIALECTS)
    path = folder / "edged.toml"
    path.write_text(f'[mqtt]\nhost = "broker"\n[detect]\nthreshold = 0.4\n{cameras}{dialects}')
    return path


def test_the_supervisor_imports_no_numpy_with_any_setting_and_any_message(tmp_path: Path) -> None:
    packets = [packet.hex() for packet in (*map(FROM_WORKER.encode, MESSAGES), OBSERVATION)]
    (tmp_path / "clip.mp4").touch()
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(write_settings(tmp_path))],
        input=json.dumps(packets),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["sources"] == list(CAMERAS)
    assert len(set(report["kinds"])) == len(packets)
    assert report["heavy"] == []


START = """
import json, sys
import edged.cli.main, edged.cli.run, edged.daemon.start, edged.daemon.main
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
RARELY_NEEDED = {
    *("paho", "ssl", "http", "email", "cryptography", "tarfile", "zipfile", "statistics"),
    *("jsonschema", "asyncio", "rich", "pickle", "multiprocessing", "concurrent"),
}
"""For the broker's connection, a bundle, a trial's verdict, the commands or nothing."""


def test_the_start_imports_nothing_that_is_rarely_needed() -> None:
    run = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert RARELY_NEEDED & set(json.loads(run.stdout)) == set()
