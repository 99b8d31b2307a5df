"""The V4L2 driver and OpenCV's real V4L2 back-end, on a device that a preloaded library simulates (tests/support/v4l2_device.c)."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.cameras.v4l2_settings import V4l2Settings
from edged.clock import SystemClock
from edged.errors import CameraError
from edged.types import ColourMatrix, ColourSpace, Frame, PixelFormat
from edged.vision.camera_process.driver import IsolatedCamera
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.slots import FrameSlots
from support.cameras import brightness
from support.colour_bars import BARS, encode_colour, to_rgb

DEVICE = Path("/dev/v4l/by-id/usb-Test_Camera-video-index0")
V4L2_REC709, V4L2_JPEG, V4L2_SRGB = 3, 7, 8
SetMode = Callable[[str], None]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the device cannot be built")
    built = tmp_path_factory.mktemp("v4l2") / "v4l2_device.so"
    source = Path(__file__).parents[2] / "support" / "v4l2_device.c"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", built, source], check=True)
    return built


@pytest.fixture
def set_mode(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetMode:
    """Simulate the device for every process that is started from now on."""
    mode = tmp_path / "mode"
    mode.write_text("ok")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("V4L2_DEVICE", str(DEVICE))
    monkeypatch.setenv("V4L2_MODE", str(mode))

    def set_mode(text: str) -> None:
        mode.write_text(text)

    return set_mode


@pytest.fixture
def camera(set_mode: SetMode) -> Iterator[IsolatedCamera]:
    del set_mode
    settings = V4l2Settings(device=DEVICE, width=320, height=240)
    with closing(IsolatedCamera("front", settings, SystemClock(), source="v4l2")) as one:
        yield one


def test_frames_with_the_kernels_time_stamps(camera: IsolatedCamera) -> None:
    info = camera.open()
    frames = [camera.grab(5.0) for _ in range(10)]

    assert (info.width, info.height, info.fps) == (320, 240, 25.0)
    assert info.description == f"Test Camera at {DEVICE}"
    for frame in frames:
        assert (frame.format, frame.pixels.shape) == (PixelFormat.BGR24, (240, 320, 3))
        assert 0 <= frame.received_ns - frame.captured_ns < 1_000_000_000
    for before, after in pairwise(frames):
        assert after.captured_ns > before.captured_ns
    shown = [round(brightness(frame) * 219 / 255) for frame in (frames[0], frames[-1])]
    assert shown[1] - shown[0] == pytest.approx(frames[-1].seq - frames[0].seq, abs=1)


@pytest.mark.parametrize(
    ("fields", "colour"),
    [
        ((V4L2_SRGB, 0, 0), ColourSpace(ColourMatrix.BT601)),
        ((V4L2_REC709, 0, 0), ColourSpace(ColourMatrix.BT709)),
        ((V4L2_SRGB, 2, 0), ColourSpace(ColourMatrix.BT709)),
        ((V4L2_SRGB, 0, 1), ColourSpace(ColourMatrix.BT601, is_full_range=True)),
        ((V4L2_JPEG, 0, 0), ColourSpace(ColourMatrix.BT601, is_full_range=True)),
        ((V4L2_SRGB, 2, 1), ColourSpace(ColourMatrix.BT709, is_full_range=True)),
        ((V4L2_SRGB, 8, 2), ColourSpace(ColourMatrix.SMPTE240M)),
    ],
)
def test_the_colours_are_those_that_the_cameras_format_states(
    camera: IsolatedCamera,
    monkeypatch: pytest.MonkeyPatch,
    fields: tuple[int, int, int],
    colour: ColourSpace,
) -> None:
    """`fields` are the format's colorspace, ycbcr_enc and quantization; 0 is the default of the first."""
    device = (*fields, *encode_colour(BARS[4], colour))
    monkeypatch.setenv("V4L2_COLOUR", " ".join(map(str, device)))
    camera.open()
    frame = camera.grab(5.0)
    assert to_rgb(frame).reshape(-1, 3).mean(axis=0) == pytest.approx(BARS[4], abs=2.5)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("gone", "no such device"),
        ("metadata", "delivers no pictures"),
    ],
)
def test_what_gives_no_pictures_is_refused(
    camera: IsolatedCamera, set_mode: SetMode, mode: str, reason: str
) -> None:
    set_mode(mode)
    with pytest.raises(CameraError, match=reason) as caught:
        camera.open()

    assert str(DEVICE) in str(caught.value)


@pytest.mark.parametrize("fault", ["silent", "gone"])
def test_a_camera_that_falls_silent_or_is_unplugged_comes_back(
    camera: IsolatedCamera, set_mode: SetMode, fault: str
) -> None:
    slots = FrameSlots(["front"])
    capture = Capture(camera, name="front", slots=slots, clock=SystemClock())
    capture.start()
    try:
        assert slots.take(10) is not None
        set_mode(fault)
        begin = time.monotonic()
        while capture.status.state is not CaptureState.LOST:
            slots.take(0.05)
            assert time.monotonic() - begin < 5
        set_mode("ok")
        begin = time.monotonic()
        while capture.status.reconnects == 0:
            slots.take(0.05)
            assert time.monotonic() - begin < 10
    finally:
        assert capture.stop(10)


@pytest.fixture
def jpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Have the device show a JPEG of 1280 x 720; return its picture, BGR."""
    y, x = np.mgrid[:720, :1280].astype(float)
    planes = (127 + 120 * np.sin(x / 90), 127 + 120 * np.cos(y / 70), (x + y) / 8)
    picture = np.stack(planes, axis=-1).round().astype(np.uint8)
    path = tmp_path / "picture.jpg"
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    monkeypatch.setenv("V4L2_JPEG", str(path))
    return picture


def grab_from_now_on(camera: IsolatedCamera) -> Frame:
    """Return a frame that was asked for after the last setting: two may be under way."""
    return [camera.grab(5.0) for _ in range(3)][-1]


@pytest.mark.parametrize(
    ("needed", "reduction"),
    [(None, 1), ((300, 300), 2), ((641, 300), 1), ((320, 180), 4), ((100, 100), 4), ((64, 64), 8)],
)
def test_jpegs_are_decoded_at_the_smallest_size_that_suffices(
    set_mode: SetMode, jpeg: np.ndarray, needed: tuple[int, int] | None, reduction: int
) -> None:
    del set_mode
    settings = V4l2Settings(device=DEVICE, width=1280, height=720)
    with closing(IsolatedCamera("front", settings, SystemClock(), source="v4l2")) as camera:
        info = camera.open()
        camera.set_needed_size(needed)
        frame = grab_from_now_on(camera)
        assert (info.width, info.height) == (frame.width, frame.height) == (1280, 720)
        assert (frame.format, frame.reduction) == (PixelFormat.BGR24, reduction)
        assert frame.pixels.shape == (720 // reduction, 1280 // reduction, 3)
        whole = cv2.resize(frame.pixels, (1280, 720)).astype(float)
        assert np.abs(whole - jpeg).mean() < 4.0


def test_the_full_size_comes_back(set_mode: SetMode, jpeg: np.ndarray) -> None:
    del set_mode, jpeg
    settings = V4l2Settings(device=DEVICE, width=1280, height=720)
    with closing(IsolatedCamera("front", settings, SystemClock(), source="v4l2")) as camera:
        camera.open()
        camera.set_needed_size((300, 300))
        assert grab_from_now_on(camera).reduction == 2
        camera.set_needed_size(None)
        assert grab_from_now_on(camera).reduction == 1
