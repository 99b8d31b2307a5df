"""The largest rate of frames."""

import itertools
import random

import pytest

from edged.clock import NS_PER_S
from edged.vision.worker.frame_pace import FramePace


def run(pace: FramePace, times_s: list[float]) -> list[float]:
    return [t for t in times_s if pace.admit(int((100.0 + t) * NS_PER_S))]


def test_without_a_limit_every_frame_is_due() -> None:
    assert len(run(FramePace(None), [n / 30 for n in range(300)])) == 300


@pytest.mark.parametrize(
    ("camera_fps", "max_fps", "expected_fps"),
    [(30, 10, 10), (30, 15, 15), (15, 10, 10), (30, 30, 30), (10, 30, 10), (30, 0.5, 0.5)],
)
def test_a_steady_camera_is_thinned_out(
    camera_fps: float, max_fps: float, expected_fps: float
) -> None:
    kept = run(FramePace(max_fps), [n / camera_fps for n in range(int(60 * camera_fps))])
    assert len(kept) / 60 == pytest.approx(expected_fps, rel=0.04)
    gaps = [after - before for before, after in itertools.pairwise(kept)]
    assert max(gaps) - min(gaps) <= max(1 / camera_fps, 0.1 / max_fps) + 1e-6


def test_an_unsteady_camera_keeps_the_rate_in_the_mean() -> None:
    rng = random.Random(7)
    times = [n / 30 + rng.uniform(-0.01, 0.01) for n in range(1800)]
    assert len(run(FramePace(10), times)) / 60 == pytest.approx(10, rel=0.1)


def test_after_a_pause_there_is_no_burst() -> None:
    kept = run(FramePace(10), [0.0, *(5.0 + n / 30 for n in range(30))])
    assert len(kept) <= 1 + 10 + 1


def test_a_time_line_that_begins_again_is_a_new_beginning() -> None:
    pace = FramePace(1)
    assert run(pace, [50.0, 0.0, 0.5, 1.0]) == [50.0, 0.0, 1.0]
