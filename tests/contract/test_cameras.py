"""Every registered camera implements `edged.interfaces.Camera`, tested on the real thing where it is available."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import get_type_hints

import msgspec
import numpy as np
import pytest

from edged.cameras.picamera2_settings import Picamera2Settings
from edged.cameras.replay_settings import ReplaySettings
from edged.cameras.rtsp_settings import RtspSettings
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.cameras.v4l2_settings import V4l2Settings
from edged.clock import SystemClock
from edged.errors import CameraError, CameraTimeoutError
from edged.interfaces import Camera
from edged.registry import CAMERAS, load_driver
from edged.types import Frame, PixelFormat
from edged.vision.camera_process.driver import IsolatedCamera
from support.cameras import write_clip


@dataclass(frozen=True, kw_only=True)
class CameraRig:
    """The settings with which one driver is tested.

    Attributes:
        settings: settings of a working camera.
        slow_settings: settings for one frame every ten seconds; None if only the camera could do that.
        absent_settings: settings of an absent camera, and a word that the error must contain; None if the camera is always there.
    """

    settings: msgspec.Struct
    slow_settings: msgspec.Struct | None = None
    absent_settings: tuple[msgspec.Struct, str] | None = None


@contextmanager
def synthetic(_folder: Path) -> Iterator[CameraRig]:
    yield CameraRig(
        settings=SyntheticSettings(width=160, height=120, fps=50.0),
        slow_settings=SyntheticSettings(width=160, height=120, fps=0.1),
    )


@contextmanager
def replay(folder: Path) -> Iterator[CameraRig]:
    path = write_clip(folder / "clip.avi", 20, fps=50.0)
    yield CameraRig(
        settings=ReplaySettings(path=path, loop=True),
        slow_settings=ReplaySettings(path=path, fps=0.1),
        absent_settings=(ReplaySettings(path=folder / "gone.mp4"), "gone.mp4"),
    )


@contextmanager
def rtsp(_folder: Path) -> Iterator[CameraRig]:
    pytest.importorskip("av", reason="the rtsp extra is not installed")
    from support.rtsp import RtspServer

    with RtspServer() as server:
        yield CameraRig(
            settings=RtspSettings(url=server.url),
            absent_settings=(RtspSettings(url="rtsp://127.0.0.1:9/gone"), "rtsp://127.0.0.1:9: "),
        )


@contextmanager
def v4l2(_folder: Path) -> Iterator[CameraRig]:
    devices = sorted(Path("/dev/v4l/by-id").glob("*-video-index0"))
    if not devices:
        pytest.skip("no V4L2 camera on this machine: nothing in /dev/v4l/by-id")
    yield CameraRig(
        settings=V4l2Settings(device=devices[0]),
        absent_settings=(V4l2Settings(device=Path("/dev/video-gone")), "/dev/video-gone"),
    )


@contextmanager
def picamera2(_folder: Path) -> Iterator[CameraRig]:
    pytest.importorskip("picamera2", reason="no picamera2 here; see tests/system/picamera2")
    yield CameraRig(
        settings=Picamera2Settings(), absent_settings=(Picamera2Settings(camera="gone"), "gone")
    )


RIGS = {
    "synthetic": synthetic,
    "replay": replay,
    "v4l2": v4l2,
    "rtsp": rtsp,
    "picamera2": picamera2,
}
MakeCamera = Callable[[msgspec.Struct], Camera]


@pytest.fixture(params=[*CAMERAS, "replay in a process", "synthetic in a process"])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(source: str) -> MakeCamera:
    driver, _, isolation = source.partition(" ")
    if isolation:
        return lambda settings: IsolatedCamera("front", settings, SystemClock(), source=driver)
    return lambda settings: load_driver(CAMERAS, driver)("front", settings, SystemClock())


@pytest.fixture
def rig(source: str, tmp_path: Path) -> Iterator[CameraRig]:
    with RIGS[source.partition(" ")[0]](tmp_path) as one:
        yield one


def assert_layout(frame: Frame) -> None:
    height, width = frame.height, frame.width
    rows = height * 3 // 2 if frame.format is PixelFormat.YUV420P else height
    channels = 3 if frame.format in (PixelFormat.BGR24, PixelFormat.RGB24) else None
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.shape[0] == rows
    assert frame.pixels.shape[1] >= width
    assert frame.pixels.shape[2:] == ((channels,) if channels else ())


def test_frames_match_their_description(rig: CameraRig, make: MakeCamera) -> None:
    with closing(make(rig.settings)) as camera:
        info = camera.open()
        frames = [camera.grab(5.0) for _ in range(5)]

    for frame in frames:
        assert_layout(frame)
        assert frame.camera == "front"
        assert (frame.width, frame.height) == (info.width, info.height)
        assert frame.captured_ns <= frame.received_ns + 1_000_000
    for before, after in pairwise(frames):
        assert after.seq > before.seq
        assert after.captured_ns > before.captured_ns
        assert after.received_ns > before.received_ns
    assert info.fps > 0
    assert info.description


def test_pixels_belong_to_the_caller(rig: CameraRig, make: MakeCamera) -> None:
    with closing(make(rig.settings)) as camera:
        camera.open()
        kept = [camera.grab(5.0) for _ in range(3)]
        originals = [frame.pixels.copy() for frame in kept]
        for _ in range(5):
            camera.grab(5.0).pixels[:] = 7

    for frame, original in zip(kept, originals, strict=True):
        assert np.array_equal(frame.pixels, original)
    kept[0].pixels[:] = 9
    assert np.array_equal(kept[1].pixels, originals[1])


def test_it_may_be_opened_again_and_goes_on_counting(rig: CameraRig, make: MakeCamera) -> None:
    camera = make(rig.settings)
    camera.close()
    camera.open()
    first = camera.grab(5.0)
    camera.close()
    camera.close()
    with pytest.raises(CameraError):
        camera.grab(0.1)
    camera.open()
    second = camera.grab(5.0)
    camera.close()

    assert second.seq > first.seq
    assert second.captured_ns > first.captured_ns


def test_a_grab_keeps_its_timeout(rig: CameraRig, make: MakeCamera) -> None:
    if rig.slow_settings is None:
        pytest.skip("this camera's pace is not ours to set")
    with closing(make(rig.slow_settings)) as camera:
        camera.open()
        begin = time.monotonic()
        with pytest.raises(CameraTimeoutError):  # noqa: PT012 - the first frame may be there at once
            for _ in range(2):
                camera.grab(0.2)
        assert 0.19 < time.monotonic() - begin < 3.0


def test_a_camera_that_is_not_there_is_named(rig: CameraRig, make: MakeCamera) -> None:
    if rig.absent_settings is None:
        pytest.skip("this camera is always there")
    settings, word = rig.absent_settings
    with closing(make(settings)) as camera:
        with pytest.raises(CameraError) as caught:
            camera.open()
        with pytest.raises(CameraError):
            camera.grab(0.1)

    assert word in str(caught.value)


@pytest.mark.parametrize("name", CAMERAS)
def test_every_setting_is_documented(name: str) -> None:
    settings = load_driver(CAMERAS, name).Settings
    assert settings.__struct_config__.frozen

    documented = {
        field.name for field in msgspec.structs.fields(settings) if _description(settings, field)
    }

    assert documented == {field.name for field in msgspec.structs.fields(settings)}


def _description(settings: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> str:
    hint = get_type_hints(settings, include_extras=True)[field.name]
    metadata = getattr(hint, "__metadata__", ())
    return next((m.description for m in metadata if isinstance(m, msgspec.Meta)), None) or ""


def test_naming_a_driver_imports_no_library() -> None:
    script = """
import sys
from edged.registry import CAMERAS, load_driver
for name in ("replay", "v4l2", "rtsp", "picamera2"):
    load_driver(CAMERAS, name)
print({"cv2", "av", "picamera2", "libcamera"} & set(sys.modules) or "none")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "none"


@pytest.mark.parametrize(
    ("name", "library", "settings"),
    [
        ("rtsp", "av", RtspSettings(url="rtsp://127.0.0.1:9/")),
        ("picamera2", "picamera2", Picamera2Settings()),
    ],
)
def test_a_library_that_is_missing_is_named_with_what_to_do(
    name: str, library: str, settings: msgspec.Struct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with (
        closing(load_driver(CAMERAS, name)("front", settings, SystemClock())) as camera,
        pytest.raises(CameraError, match="install"),
    ):
        camera.open()


@pytest.mark.parametrize("device", ["/dev/null", "/etc/passwd", "/dev", "/dev/video-gone"])
def test_what_is_no_v4l2_camera_is_refused_with_its_name(device: str) -> None:
    camera = load_driver(CAMERAS, "v4l2")("front", V4l2Settings(device=Path(device)), SystemClock())
    with closing(camera), pytest.raises(CameraError, match=device):
        camera.open()
