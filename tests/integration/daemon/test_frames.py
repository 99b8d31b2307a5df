"""Every frame is inferred or counted as dropped; in real time none is dropped by a model that is fast enough."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from support.broker import Broker, running_broker
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder

FRAMES = 40


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def synthetic(_: Path, speed: str) -> str:
    return f'source = "synthetic"\nfps = 10\nframes = {FRAMES}\nspeed = "{speed}"\n'


def replay(folder: Path, speed: str) -> str:
    path = folder / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 240))
    for number in range(FRAMES):
        writer.write(np.full((240, 320, 3), 5 * number, np.uint8))
    writer.release()
    return f'source = "replay"\npath = "{path}"\nspeed = "{speed}"\n'


@pytest.mark.parametrize("source", [synthetic, replay], ids=["synthetic", "replay"])
@pytest.mark.parametrize("speed", ["real", "max"])
def test_no_frame_is_dropped(source: object, speed: str, broker: Broker, tmp_path: Path) -> None:
    assert callable(source)
    config = (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[model]\nruntime = "simulated"\n'
        f"[camera.front]\n{source(tmp_path, speed)}"
    )
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config) as daemon:
        assert daemon.process.wait(60) == 0
        recorder.await_status("offline")
    camera = recorder.payloads("/health")[-1]["cameras"]["front"]
    assert camera["frames"] == camera["inferred"] + camera["still"] == FRAMES
    assert camera["dropped"] == camera["over_rate"] == 0


def test_a_model_that_is_too_slow_sees_the_newest_and_dropped_frames_are_counted(
    broker: Broker, tmp_path: Path
) -> None:
    config = (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        '[model]\nruntime = "simulated"\ndelegate_options = { latency_ms = "150" }\n'
        f"[camera.front]\n{synthetic(tmp_path, 'real').replace('fps = 10', 'fps = 20')}"
    )
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config) as daemon:
        assert daemon.process.wait(60) == 0
        recorder.await_status("offline")
    camera = recorder.payloads("/health")[-1]["cameras"]["front"]
    assert camera["frames"] == camera["inferred"] + camera["dropped"] + camera["still"] == FRAMES
    assert camera["dropped"] >= FRAMES // 3
    assert camera["latency_s"]["wait"]["p95"] < 0.2, "a frame never waits for longer than an invoke"
