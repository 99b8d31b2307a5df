from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from edged.cameras.synthetic import SyntheticCamera
from edged.cameras.synthetic_settings import Label, SyntheticSettings
from edged.clock import NS_PER_S
from edged.errors import CameraError, CameraTimeoutError, EndOfStreamError
from edged.marks import MARK_LABELS
from edged.types import Frame, PixelFormat
from support.clock import FakeClock
from support.scheduled_marks import marks_entering_before

pytestmark = pytest.mark.runtime


def _camera(clock: FakeClock, **settings: Any) -> SyntheticCamera:
    small = {"width": 160, "height": 120, "fps": 10.0} | settings
    return SyntheticCamera("front", msgspec.convert(small, SyntheticSettings), clock)


def _scene_index(frame: Frame, start_ns: int, fps: float) -> int:
    return round((frame.captured_ns - start_ns) * fps / NS_PER_S)


def test_the_settings_labels_are_the_marks() -> None:
    assert get_args(Label) == MARK_LABELS
    assert SyntheticSettings().labels == MARK_LABELS


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="qrcode"):
        _camera(FakeClock(), labels=["qrcode"])
    with pytest.raises(msgspec.ValidationError, match="fps"):
        _camera(FakeClock(), fps=0)


def test_at_full_speed_every_frame_comes_on_the_scenes_own_time_line() -> None:
    clock = FakeClock()
    camera = _camera(clock, speed="max", frames=5)
    info = camera.open()
    assert (info.width, info.height, info.fps, info.lossless) == (160, 120, 10.0, True)
    began_ns = clock.monotonic_ns()
    frames = [camera.grab(1.0) for _ in range(5)]
    assert [frame.seq for frame in frames] == [0, 1, 2, 3, 4]
    assert [(f.captured_ns - began_ns) * 10 // NS_PER_S for f in frames] == [0, 1, 2, 3, 4]
    assert {frame.received_ns for frame in frames} == {began_ns}
    for k, frame in enumerate(frames):
        assert _scene_index(frame, began_ns, 10.0) == k
        assert frame.format is PixelFormat.BGR24
        assert np.array_equal(frame.pixels, camera.scene.render_frame(k))
    with pytest.raises(EndOfStreamError, match=r"front.*5 frames"):
        camera.grab(1.0)


def test_in_real_time_it_keeps_the_pace() -> None:
    clock = FakeClock()
    camera = _camera(clock)
    assert not camera.open().lossless
    began_ns = clock.monotonic_ns()
    for k in range(4):
        frame = camera.grab(1.0)
        assert frame.captured_ns == began_ns + k * NS_PER_S // 10
        assert clock.monotonic_ns() == frame.received_ns >= frame.captured_ns
        clock.sleep(0.03)


def test_in_real_time_frames_nobody_fetched_are_skipped() -> None:
    clock = FakeClock()
    camera = _camera(clock)
    begin_ns = clock.monotonic_ns()
    camera.open()
    camera.grab(1.0)
    clock.sleep(0.77)
    late = camera.grab(1.0)
    assert late.seq == 1
    assert _scene_index(late, begin_ns, 10.0) == 7
    assert clock.monotonic_ns() - late.captured_ns == pytest.approx(0.07 * NS_PER_S, abs=1000)


def test_a_short_timeout_is_kept_and_the_frame_comes_afterwards() -> None:
    clock = FakeClock()
    camera = _camera(clock, fps=1.0)
    begin_ns = clock.monotonic_ns()
    camera.open()
    camera.grab(0.0)
    before_ns = clock.monotonic_ns()
    with pytest.raises(CameraTimeoutError, match=r"front.*0\.25 s"):
        camera.grab(0.25)
    assert clock.monotonic_ns() - before_ns == NS_PER_S // 4
    assert _scene_index(camera.grab(1.0), begin_ns, 1.0) == 1


def test_in_real_time_a_finite_scene_ends_by_the_clock() -> None:
    clock = FakeClock()
    camera = _camera(clock, frames=3)
    camera.open()
    camera.grab(1.0)
    clock.sleep(5.0)
    with pytest.raises(EndOfStreamError):
        camera.grab(1.0)


@pytest.mark.parametrize("speed", ["real", "max"])
def test_after_a_reconnection_time_and_seq_go_on(speed: str) -> None:
    clock = FakeClock()
    camera = _camera(clock, speed=speed)
    camera.open()
    before = [camera.grab(1.0) for _ in range(3)][-1]
    camera.close()
    camera.close()
    with pytest.raises(CameraError, match="front"):
        camera.grab(1.0)
    camera.open()
    after = camera.grab(1.0)
    assert after.seq == before.seq + 1
    assert after.captured_ns > before.captured_ns


def test_the_pixels_belong_to_the_caller() -> None:
    camera = _camera(FakeClock(), speed="max", noise=0.0)
    camera.open()
    first = camera.grab(1.0)
    first.pixels[:] = 0
    assert camera.grab(1.0).pixels.mean() > 10


def test_the_default_scene_suits_a_demonstration() -> None:
    """Several marks enter and leave within 20 s; the first enters at once."""
    camera = SyntheticCamera("demo", SyntheticSettings(), FakeClock())
    cast = marks_entering_before(camera.scene.schedule, 20.0)
    assert cast[0].entry_s < 1.0
    assert len({p.label for p in cast}) == len(cast) == 5
    assert sum(p.exit_s < 17.0 for p in cast) >= 3
