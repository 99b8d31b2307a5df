"""Tests of the driver with the real picamera2 and libcamera; test_picamera2.py runs them in the root that build_root makes."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import picamera2
import pytest

from edged.cameras.picamera2 import Picamera2Camera
from edged.cameras.picamera2_settings import Picamera2Settings
from edged.clock import SystemClock
from edged.errors import CameraError, CameraTimeoutError
from edged.types import Frame, PixelFormat
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.slots import FrameSlots
from system.picamera2.virtual_camera import VirtualPicamera2


@pytest.fixture(autouse=True)
def virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picamera2, "Picamera2", VirtualPicamera2)


def make_camera(**settings: Any) -> Picamera2Camera:
    return Picamera2Camera("front", Picamera2Settings(**settings), SystemClock())


@pytest.fixture
def camera() -> Iterator[Picamera2Camera]:
    one = make_camera()
    yield one
    one.close()


def grab(camera: Picamera2Camera, count: int) -> list[Frame]:
    return [camera.grab(2.0) for _ in range(count)]


def test_frames_are_whole_and_in_order_and_show_the_bars(camera: Picamera2Camera) -> None:
    info = camera.open()
    frames = grab(camera, 30)

    assert (info.width, info.height, info.fps) == (640, 480, 30.0)
    assert "Virtual Camera" in info.description
    for frame in frames:
        assert frame.format is PixelFormat.YUV420P
        assert frame.pixels.shape[0] == 720
        assert frame.pixels.shape[1] >= 640
        assert 0 <= frame.received_ns - frame.captured_ns < 100_000_000
    for before, after in pairwise(frames):
        assert after.seq > before.seq
        assert after.captured_ns > before.captured_ns
    bgr = cv2.cvtColor(frames[-1].pixels, cv2.COLOR_YUV2BGR_I420)
    across = bgr[100, 40:600:80].astype(int)
    assert len(np.unique(across // 32, axis=0)) >= 6, "colour bars: the planes are in order"


@pytest.mark.parametrize("wanted", ["Virtual0", "Virtual Camera"])
def test_a_camera_is_chosen_by_id_or_model(wanted: str) -> None:
    camera = make_camera(camera=wanted)
    camera.open()
    camera.close()


def test_a_camera_that_is_not_there_is_named_with_those_that_are() -> None:
    camera = make_camera(camera="imx708")
    with pytest.raises(CameraError, match=r"imx708.*Virtual Camera \(Virtual0\)"):
        camera.open()
    camera.close()


def test_a_camera_in_use_is_refused_and_can_be_had_afterwards(camera: Picamera2Camera) -> None:
    other = make_camera()
    camera.open()
    with pytest.raises(CameraError, match="other program"):
        other.open()
    other.close()
    assert camera.grab(2.0).seq >= 0
    camera.close()
    other.open()
    assert other.grab(2.0).seq == 0
    other.close()


def test_controls_that_the_sensor_does_not_have_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera = make_camera(controls={"AfMode": 2})
    camera.open()
    camera.grab(2.0)
    camera.close()

    assert "AfMode" in caplog.text


def starve(camera: Picamera2Camera) -> list[Any]:
    """Hold every buffer, so that no frame can arrive, as from a dead camera."""
    return [camera._camera.capture_request(wait=2.0) for _ in range(4)]


def test_timeouts_do_not_starve_the_camera(camera: Picamera2Camera) -> None:
    camera.open()
    last = camera.grab(2.0)
    held = starve(camera)
    for _ in range(6):
        begin = time.monotonic()
        with pytest.raises(CameraTimeoutError):
            camera.grab(0.1)
        assert time.monotonic() - begin < 0.5
    assert not camera._camera._job_list
    for request in held:
        request.release()

    frames = grab(camera, 10)
    assert frames[0].seq > last.seq


def test_a_starved_camera_is_closed_and_made_anew(camera: Picamera2Camera) -> None:
    camera.open()
    last = camera.grab(2.0)
    held = starve(camera)
    with pytest.raises(CameraTimeoutError):
        camera.grab(0.2)
    begin = time.monotonic()
    camera.close()
    assert time.monotonic() - begin < 4
    held.clear()

    camera.open()
    frames = grab(camera, 10)
    assert frames[0].seq > last.seq
    assert frames[0].captured_ns > last.captured_ns


def test_the_capture_loop_notices_a_stall_and_recovers(camera: Picamera2Camera) -> None:
    slots = FrameSlots(["front"])
    capture = Capture(camera, name="front", slots=slots, clock=SystemClock())
    capture.start()
    try:
        assert slots.take(10) is not None
        held = starve(camera)
        begin = time.monotonic()
        while capture.status.state is not CaptureState.LOST:
            slots.take(0.05)
            assert time.monotonic() - begin < 5
        held.clear()
        while capture.status.reconnects == 0:
            slots.take(0.05)
            assert time.monotonic() - begin < 15
    finally:
        assert capture.stop(10)


def test_opening_and_closing_leaks_nothing() -> None:
    counts = []
    for _ in range(6):
        camera = make_camera()
        camera.open()
        grab(camera, 3)
        camera.close()
        counts.append(len(list(Path("/proc/self/fd").iterdir())))

    assert counts[-1] <= counts[2]
