import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edged.cameras.rtsp import RtspCamera
from edged.cameras.rtsp_settings import RtspSettings
from edged.clock import SystemClock
from edged.errors import CameraError
from edged.types import PixelFormat
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.slots import FrameSlots
from support.mjpeg import MjpegServer

pytest.importorskip("av", reason="the rtsp extra is not installed")

from support.rtsp import FPS, Mode, RtspServer, frame_number
from support.waiting import wait_for


def camera(url: str, *, name: str = "front", **settings: Any) -> RtspCamera:
    return RtspCamera(name, RtspSettings(url=url, **settings), SystemClock())


def test_the_newest_frame_comes_and_the_others_are_gaps() -> None:
    with RtspServer() as server:
        front = camera(server.url)
        info = front.open()
        first = front.grab(2.0)
        sent = server.count
        wait_for(lambda: server.count >= sent + FPS)  # the consumer is busy for so long
        second = front.grab(2.0)
        age = server.count - frame_number(second)
        front.close()

    assert (info.width, info.height, info.fps, info.lossless) == (320, 240, 25.0, False)
    assert (second.format, second.pixels.shape) == (PixelFormat.YUV420P, (360, 320))
    assert age <= 3
    assert second.seq - first.seq == frame_number(second) - frame_number(first)
    assert second.seq - first.seq >= FPS // 2
    assert first.captured_ns < second.captured_ns <= second.received_ns


@contextmanager
def capturing(cameras: dict[str, RtspCamera]) -> Iterator[dict[str, Capture]]:
    slots = FrameSlots(cameras)
    captures = {
        name: Capture(one, name=name, slots=slots, clock=SystemClock())
        for name, one in cameras.items()
    }
    for capture in captures.values():
        capture.start()
    try:
        yield captures
    finally:
        for capture in captures.values():
            capture.stop(10)


def test_a_camera_that_freezes_disconnects_or_goes_mute_is_noticed_and_comes_back() -> None:
    faults = [Mode.FREEZE, Mode.DROP, Mode.MUTE]
    with ExitStack() as stack:
        servers = {mode.value: stack.enter_context(RtspServer()) for mode in faults}
        cameras = {
            name: camera(server.url, name=name, read_timeout_s=2.0)
            for name, server in servers.items()
        }
        captures = stack.enter_context(capturing(cameras))

        first_reasons: dict[str, str] = {}
        """Why each camera was lost; a later attempt to open it may fail in another way."""

        def all_in(state: CaptureState) -> bool:
            return all(capture.status.state is state for capture in captures.values())

        def all_lost() -> bool:
            for name, capture in captures.items():
                status = capture.status
                if status.state is CaptureState.LOST:
                    first_reasons.setdefault(name, status.reason or "")
            return all_in(CaptureState.LOST)

        wait_for(lambda: all_in(CaptureState.RUNNING), timeout_s=10)
        for name, server in servers.items():
            server.mode = Mode(name)
        wait_for(all_lost, timeout_s=10)
        for server in servers.values():
            server.mode = Mode.OK
        wait_for(lambda: all_in(CaptureState.RUNNING), timeout_s=10)

        assert all(capture.status.reconnects == 1 for capture in captures.values())
    assert "no data for 2 s" in first_reasons["freeze"]
    assert "`read_timeout_s`" in first_reasons["freeze"]
    assert "ended" in first_reasons["drop"]
    assert all("127.0.0.1" in reason for reason in first_reasons.values())


def test_a_camera_that_is_not_there_yet_is_found_when_it_is() -> None:
    with RtspServer() as server:
        port, url = server.port, server.url
    with capturing({"front": camera(url)}) as captures:
        wait_for(lambda: captures["front"].status.state is CaptureState.LOST, timeout_s=5)
        assert "Connection refused" in (captures["front"].status.reason or "")
        with RtspServer(port=port):
            wait_for(lambda: captures["front"].status.state is CaptureState.RUNNING, timeout_s=10)


@pytest.mark.parametrize("mode", [Mode.MUTE, Mode.SILENT])
def test_a_camera_that_sends_no_picture_is_given_up_after_open_timeout_s(mode: Mode) -> None:
    with RtspServer() as server:
        server.mode = mode
        front = camera(server.url, open_timeout_s=1.0)
        begin = time.monotonic()
        with pytest.raises(CameraError) as caught:
            front.open()
        waited_s = time.monotonic() - begin
        front.close()

    assert 1.0 <= waited_s < 2.0
    assert str(caught.value).startswith("rtsp://127.0.0.1")
    assert "no picture within 1 s" in str(caught.value)
    assert "`open_timeout_s`" in str(caught.value)


def test_a_camera_of_one_picture_in_three_seconds_is_not_lost() -> None:
    with (
        RtspServer(period_s=3.0) as server,
        capturing({"front": camera(server.url, open_timeout_s=15)}) as captures,
    ):
        wait_for(lambda: captures["front"].status.captured >= 3, timeout_s=25)

        assert captures["front"].status.reconnects == 0
        assert captures["front"].status.state is CaptureState.RUNNING


def test_sound_is_not_asked_for() -> None:
    with RtspServer(has_sound=True) as server:
        front = camera(server.url)
        front.open()
        front.grab(2.0)
        front.close()

    assert server.set_up_tracks == ["trackID=0"]


def test_a_camera_that_wants_a_login(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    password_file = tmp_path / "password"
    password_file.write_text("s3cr:et/@x\n")
    messages = []
    with RtspServer(user="viewer", password="s3cr:et/@x") as server:  # noqa: S106 - a test's
        right = camera(server.url, username="viewer", password_file=password_file)
        info = right.open()
        right.close()
        for wrong in [
            camera(server.url),
            camera(server.url, username="other", password_file=password_file),
        ]:
            with pytest.raises(CameraError, match="password_file") as caught:
                wrong.open()
            wrong.close()
            messages.append(f"{caught.value!r} {caught.value.__cause__!r}")
    # Nobody listens any more: FFmpeg's own message for this has the whole URL.
    with pytest.raises(CameraError, match="refused") as caught:
        right.open()
    right.close()
    messages.append(f"{caught.value!r} {caught.value.__cause__!r}")

    shown = " ".join([*messages, info.description, *capfd.readouterr(), caplog.text])
    assert "127.0.0.1" in shown
    assert "cr:et" not in shown
    assert "cr%3Aet" not in shown


@pytest.mark.parametrize("password", ["".join(map(chr, range(32, 127))), "p" * 119, "%41 gehéim☃"])
def test_the_whole_password_reaches_the_camera(tmp_path: Path, password: str) -> None:
    password_file = tmp_path / "password"
    password_file.write_text(f"{password}\n")
    with RtspServer(user="viewerX", password=password) as server:
        right = camera(server.url, username="viewerX", password_file=password_file)
        right.open()
        right.close()


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    front = camera("rtsp://127.0.0.1:9/", username="u", password_file=tmp_path / "nothing")

    with pytest.raises(CameraError, match="nothing"):
        front.open()
    front.close()


@pytest.mark.parametrize(
    ("size", "layout", "shape"),
    [
        ((64, 48), PixelFormat.YUV420P, (72, 64)),
        ((65, 49), PixelFormat.BGR24, (49, 65, 3)),
    ],
)
def test_mjpeg_over_http(
    size: tuple[int, int], layout: PixelFormat, shape: tuple[int, ...]
) -> None:
    with MjpegServer(size) as server:
        front = camera(server.url)
        info = front.open()
        frame = front.grab(2.0)
        front.close()

    assert (info.width, info.height) == size
    assert (frame.format, frame.pixels.shape) == (layout, shape)
    assert "mjpeg" in info.description


def test_a_url_with_a_login_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="password_file"):
        RtspSettings(url="rtsp://viewer:secret@camera/")
