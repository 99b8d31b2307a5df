import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edged.cameras.replay import ReplayCamera
from edged.cameras.replay_settings import ReplaySettings
from edged.clock import SystemClock
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.vision.camera_process.driver import IsolatedCamera
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.slots import FrameSlots
from support.cameras import brightness, write_clip, write_pictures
from support.waiting import wait_for


def isolated(path: Path, **settings: Any) -> IsolatedCamera:
    return IsolatedCamera(
        "front", ReplaySettings(path=path, **settings), SystemClock(), source="replay"
    )


def child_of(camera: IsolatedCamera) -> int:
    assert camera._child is not None
    return camera._child.pid


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[IsolatedCamera]:
    path = write_clip(tmp_path / "clip.avi", 20, fps=50.0)
    camera = isolated(path, speed="real", loop=True)
    yield camera
    camera.close()


def test_every_frame_of_a_lossless_camera_crosses_unchanged(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", 30)
    straight = ReplayCamera("front", ReplaySettings(path=path, speed="max"), SystemClock())
    straight.open()
    with closing(straight), closing(isolated(path, speed="max")) as camera:
        assert camera.open().lossless
        for seq in range(30):
            if seq == 10:
                time.sleep(0.2)  # the child waits for us
            frame, original = camera.grab(5.0), straight.grab(1.0)
            assert frame.seq == seq
            assert (frame.width, frame.height, frame.format) == (64, 48, original.format)
            assert np.array_equal(frame.pixels, original.pixels)
        with pytest.raises(EndOfStreamError, match=r"clip\.avi: the recording ended after 30"):
            camera.grab(5.0)


def test_the_last_message_of_a_child_is_received_every_time(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", 1)
    for _ in range(5):
        with closing(isolated(path, speed="max")) as camera:
            camera.open()
            camera.grab(5.0)
            time.sleep(0.05)  # it has ended, perhaps without having read that we are ready for more
            with pytest.raises(EndOfStreamError):
                camera.grab(5.0)


def test_a_live_camera_gives_its_newest_frame_and_counts_the_others(
    endless: IsolatedCamera,
) -> None:
    endless.open()
    endless.grab(5.0)
    time.sleep(0.5)
    stale, fresh = endless.grab(5.0), endless.grab(5.0)
    age_s = (time.monotonic_ns() - fresh.captured_ns) / 1e9

    assert fresh.seq - stale.seq > 10
    assert age_s < 0.1


def test_frames_may_grow(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1, size=(32, 16))
    write_pictures(tmp_path / "more", 2, size=(640, 480))
    (tmp_path / "more" / "0001.png").rename(tmp_path / "0001.png")
    with closing(isolated(tmp_path, speed="max")) as camera:
        camera.open()
        first, second = camera.grab(5.0), camera.grab(5.0)

    assert (first.pixels.shape, second.pixels.shape) == ((16, 32, 3), (480, 640, 3))
    assert (brightness(first), brightness(second)) == (0, 5)


def test_a_driver_error_is_passed_on(tmp_path: Path) -> None:
    camera = isolated(tmp_path / "nothing.mp4")

    with pytest.raises(CameraError, match=r"nothing\.mp4: no such file"):
        camera.open()
    camera.close()


def test_a_killed_child_is_a_lost_camera(endless: IsolatedCamera) -> None:
    endless.open()
    last = endless.grab(5.0)
    os.kill(child_of(endless), signal.SIGKILL)
    with pytest.raises(CameraError, match="killed by SIGKILL"):  # noqa: PT012 - a frame may still be there
        for _ in range(2):
            last = endless.grab(5.0)
    endless.close()
    endless.open()

    assert endless.grab(5.0).seq > last.seq


def test_a_hung_child_is_a_timeout_and_closing_it_kills_it(endless: IsolatedCamera) -> None:
    endless.open()
    pid = child_of(endless)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(CameraTimeoutError):  # noqa: PT012 - a frame may still be there
        for _ in range(2):
            endless.grab(0.3)
    begin = time.monotonic()
    endless.close()

    assert time.monotonic() - begin < 2.0
    assert not is_there(pid)


def test_a_closed_camera_leaves_no_process_and_no_descriptor(endless: IsolatedCamera) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    endless.open()
    pid = child_of(endless)
    endless.grab(5.0)
    endless.close()
    endless.close()

    assert not is_there(pid)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", 20, fps=50.0)
    script = """
import os, signal, sys
from pathlib import Path
from edged.cameras.replay_settings import ReplaySettings
from edged.clock import SystemClock
from edged.vision.camera_process.driver import IsolatedCamera
settings = ReplaySettings(path=Path(sys.argv[1]), loop=True)
camera = IsolatedCamera("front", settings, SystemClock(), source="replay")
camera.open()
print(camera._child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    parent = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    pid = int(parent.stdout)

    wait_for(
        lambda: not is_there(pid) or "Z" in Path(f"/proc/{pid}/stat").read_text().split(),
        timeout_s=5,
    )


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_the_capture_loop_replaces_a_child_that_crashed_or_hangs(
    endless: IsolatedCamera, fault: signal.Signals
) -> None:
    slots = FrameSlots(["front"])
    capture = Capture(endless, name="front", slots=slots, clock=SystemClock())
    capture.start()
    try:
        assert slots.take(10) is not None
        os.kill(child_of(endless), fault)
        begin = time.monotonic()
        while capture.status.reconnects == 0:
            slots.take(0.1)
            assert time.monotonic() - begin < 20
        status = capture.status
    finally:
        assert capture.stop(10)

    assert status.state is CaptureState.RUNNING
    assert status.captured - status.dropped > 0
