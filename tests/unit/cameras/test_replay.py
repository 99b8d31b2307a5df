from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edged.cameras.clips import Clip, ClipPicture, open_clip
from edged.cameras.replay import ReplayCamera
from edged.cameras.replay_settings import ReplaySettings
from edged.clock import NS_PER_S
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.types import Frame
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.slots import FrameSlots
from support.cameras import brightness, write_clip, write_pictures
from support.clock import FakeClock
from support.data_files import data_file


def replay(path: Path, clock: FakeClock, **changes: object) -> ReplayCamera:
    settings = msgspec.structs.replace(ReplaySettings(path=path, speed="max"), **changes)
    return ReplayCamera("front", settings, clock)


def all_frames(camera: ReplayCamera) -> list[Frame]:
    frames = []
    camera.open()
    while True:
        try:
            frames.append(camera.grab(1.0))
        except EndOfStreamError:
            camera.close()
            return frames


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_every_picture_once_in_order_on_the_recordings_time_line(tmp_path: Path, kind: str) -> None:
    path = (
        write_clip(tmp_path / "clip.avi", 12) if kind == "video" else write_pictures(tmp_path, 12)
    )
    clock = FakeClock()
    begin_ns = clock.monotonic_ns()

    frames = all_frames(replay(path, clock))

    assert [frame.seq for frame in frames] == list(range(12))
    assert [brightness(frame) for frame in frames] == pytest.approx(range(0, 60, 5), abs=1)
    stamps = [(frame.captured_ns - begin_ns) / NS_PER_S for frame in frames]
    assert stamps == pytest.approx([k / 10 for k in range(12)])
    assert clock.monotonic_ns() == begin_ns


def test_pictures_come_in_the_order_of_their_names_and_may_differ_in_size(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2, size=(64, 48))
    write_pictures(tmp_path / "more", 1, size=(32, 16))
    (tmp_path / "more" / "0000.png").rename(tmp_path / "0000b.PNG")

    sizes = [(frame.width, frame.height) for frame in all_frames(replay(tmp_path, FakeClock()))]

    assert sizes == [(64, 48), (32, 16), (64, 48)]


def test_the_camera_describes_itself(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", 2, fps=25.0)
    fast = replay(path, FakeClock())
    info = fast.open()
    fast.close()
    slow = replay(path, FakeClock(), speed="real", fps=5.0)
    other = slow.open()
    slow.close()

    assert (info.width, info.height, info.fps, info.lossless) == (64, 48, 25.0, True)
    assert info.description == "replay of clip.avi"
    assert (other.fps, other.lossless) == (5.0, False)


def test_a_loop_goes_on_in_time_and_count(tmp_path: Path) -> None:
    camera = replay(write_clip(tmp_path / "clip.avi", 3), FakeClock(), loop=True)
    camera.open()
    frames = [camera.grab(1.0) for _ in range(9)]
    camera.close()

    assert [frame.seq for frame in frames] == list(range(9))
    assert [brightness(frame) for frame in frames] == pytest.approx([0, 5, 10] * 3, abs=1)
    steps = {b.captured_ns - a.captured_ns for a, b in pairwise(frames)}
    assert steps == {NS_PER_S // 10}


def test_the_time_line_does_not_go_back_when_opened_again(tmp_path: Path) -> None:
    camera = replay(write_clip(tmp_path / "clip.avi", 10), FakeClock())
    first, second = all_frames(camera), all_frames(camera)

    assert second[0].captured_ns > first[-1].captured_ns
    assert second[0].seq == first[-1].seq + 1


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_recording_that_is_opened_again_goes_on_where_it_stopped(
    tmp_path: Path, kind: str
) -> None:
    path = write_clip(tmp_path / "clip.avi", 8) if kind == "video" else write_pictures(tmp_path, 8)
    camera = replay(path, FakeClock())
    camera.open()
    first = [camera.grab(1.0) for _ in range(3)]
    camera.close()
    rest = all_frames(camera)

    assert [brightness(frame) for frame in [*first, *rest]] == pytest.approx(range(0, 40, 5), abs=1)
    assert [frame.seq for frame in [*first, *rest]] == list(range(8))
    assert rest[0].captured_ns > first[-1].captured_ns


def test_a_damaged_picture_does_not_start_the_recording_anew(tmp_path: Path) -> None:
    write_pictures(tmp_path, 6)
    (tmp_path / "0003.png").write_bytes(b"not a picture")
    camera = replay(tmp_path, FakeClock())
    camera.open()
    for _ in range(3):
        camera.grab(1.0)
    with pytest.raises(CameraError, match="0003"):
        camera.grab(1.0)
    for _ in range(3):
        camera.close()
        with pytest.raises(CameraError, match="0003"):
            camera.open()
    camera.close()
    (tmp_path / "0003.png").unlink()

    assert [brightness(frame) for frame in all_frames(camera)] == pytest.approx([20, 25], abs=1)


def test_a_pause_in_a_recording_is_waited_for_and_is_no_loss(tmp_path: Path) -> None:
    clock = FakeClock()
    camera = replay(write_pictures(tmp_path, 3), clock, speed="real", fps=0.1)
    slots = FrameSlots(["front"])
    capture = Capture(camera, name="front", slots=slots, clock=clock)
    capture.run()

    assert capture.status.state is CaptureState.ENDED
    assert (capture.status.captured, capture.status.reconnects) == (3, 0)


def test_the_fps_setting_replaces_the_recordings_time_line(tmp_path: Path) -> None:
    frames = all_frames(replay(write_clip(tmp_path / "clip.avi", 3), FakeClock(), fps=2.0))

    assert frames[2].captured_ns - frames[0].captured_ns == NS_PER_S


def test_in_real_time_each_picture_comes_when_it_is_due(tmp_path: Path) -> None:
    clock = FakeClock()
    camera = replay(write_clip(tmp_path / "clip.avi", 5), clock, speed="real")
    camera.open()
    begin_ns = clock.monotonic_ns()

    arrivals = [(camera.grab(1.0).received_ns - begin_ns) / NS_PER_S for _ in range(5)]
    camera.close()

    assert arrivals == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_the_first_pictures_are_not_late_because_the_recording_took_long_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a small board, PyAV alone needs half a second to be imported."""
    clock = FakeClock()

    def open_slowly(*args: object) -> Clip:
        clock.sleep(0.5)
        return open_clip(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("edged.cameras.replay.open_clip", open_slowly)
    frames = all_frames(replay(write_clip(tmp_path / "clip.avi", 5), clock, speed="real"))
    assert [frame.seq for frame in frames] == [0, 1, 2, 3, 4]


def test_in_real_time_a_late_consumer_gets_the_newest_and_the_skipped_are_gaps(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    camera = replay(write_clip(tmp_path / "clip.avi", 10), clock, speed="real")
    camera.open()
    camera.grab(1.0)
    clock.sleep(0.55)
    late = camera.grab(1.0)
    clock.sleep(60)
    last = camera.grab(1.0)
    with pytest.raises(EndOfStreamError):
        camera.grab(1.0)
    camera.close()

    assert late.seq == 5
    assert late.received_ns - late.captured_ns == pytest.approx(0.05 * NS_PER_S)
    assert last.seq == 9, "the last picture is never skipped, so that all are accounted for"


def test_in_real_time_a_recording_that_is_read_slower_than_it_plays_gets_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a large video on a small board: skipping for ever would leave the camera without a frame."""
    clock = FakeClock()

    def read_slowly(clip: Clip) -> Generator[ClipPicture]:
        for picture in clip.pictures:
            clock.sleep(0.15)
            yield picture

    def open_slow_clip(*args: object) -> Clip:
        clip = open_clip(*args)  # type: ignore[arg-type]
        return replace(clip, pictures=read_slowly(clip))

    monkeypatch.setattr("edged.cameras.replay.open_clip", open_slow_clip)
    frames = all_frames(replay(write_clip(tmp_path / "clip.avi", 20), clock, speed="real"))

    assert len(frames) >= 10
    assert all(a.captured_ns < b.captured_ns for a, b in pairwise(frames))
    assert all(0 <= f.received_ns - f.captured_ns < 0.1 * NS_PER_S for f in frames[:-1])


def test_in_real_time_a_grab_keeps_its_timeout(tmp_path: Path) -> None:
    clock = FakeClock()
    camera = replay(write_pictures(tmp_path, 2), clock, speed="real", fps=0.1)
    camera.open()
    camera.grab(1.0)
    begin_ns = clock.monotonic_ns()
    with pytest.raises(CameraTimeoutError, match="due in 10"):
        camera.grab(2.0)
    waited_ns = clock.monotonic_ns() - begin_ns
    second = camera.grab(9.0)
    camera.close()

    assert waited_ns == 2 * NS_PER_S
    assert second.seq == 1


def _missing(_path: Path) -> None:
    """Create no file."""


def _empty_file(path: Path) -> None:
    path.touch()


def _junk(path: Path) -> None:
    path.write_bytes(b"no video at all" * 1000)


def _cut(path: Path) -> None:
    write_clip(path, 20)
    path.write_bytes(path.read_bytes()[:500])


def _empty_folder(path: Path) -> None:
    path.mkdir()


def _broken_picture(path: Path) -> None:
    write_pictures(path, 1)
    (path / "0000.png").write_bytes(b"\x89PNG and no more")


@pytest.mark.parametrize(
    "make", [_missing, _empty_file, _junk, _cut, _empty_folder, _broken_picture]
)
def test_an_unusable_recording_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "clip.avi"
    make(path)
    camera = replay(path, FakeClock(), loop=True)

    with pytest.raises(CameraError, match=r"clip\.avi"):
        camera.open()
    camera.close()


def test_a_picture_that_is_too_large_to_decode_is_named_with_size_and_limit(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    content = cv2.imencode(".bmp", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    huge = content[:18] + (30_000).to_bytes(4, "little") * 2 + content[26:]
    (tmp_path / "9.bmp").write_bytes(huge)
    with pytest.raises(CameraError, match=r"9\.bmp.*30000 x 30000.*limit is 67 megapixels.*remove"):
        all_frames(replay(tmp_path, FakeClock()))


def test_a_recording_that_ends_early_is_reported(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    camera = replay(path, FakeClock())
    camera.open()

    with pytest.raises(EndOfStreamError, match="index lists 40"):  # noqa: PT012
        while True:
            camera.grab(1.0)
    camera.close()


def test_a_stream_without_stamps_gets_an_even_time_line(tmp_path: Path) -> None:
    path = tmp_path / "raw.mjpeg"
    jpeg = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    path.write_bytes(jpeg * 6)

    frames = all_frames(replay(path, FakeClock()))

    steps = {b.captured_ns - a.captured_ns for a, b in pairwise(frames)}
    assert len(frames) == 6
    assert max(steps) - min(steps) <= 2_000_000
    assert min(steps) > 0


def test_the_real_clip_whole() -> None:
    path = data_file("video/one-by-one-person-detection.mp4")
    clock = FakeClock()
    begin_ns = clock.monotonic_ns()

    camera = replay(path, clock)
    info = camera.open()
    count = 0
    last_ns = begin_ns - 1
    while True:
        try:
            frame = camera.grab(1.0)
        except EndOfStreamError:
            break
        assert frame.seq == count
        assert frame.captured_ns > last_ns
        last_ns = frame.captured_ns
        count += 1
    camera.close()

    assert (info.width, info.height, info.fps) == (768, 432, 10.0)
    assert count == 1394
    assert (last_ns - begin_ns) / NS_PER_S == pytest.approx(139.3)
