"""Which frames are timed: an unbiased sample, and all of them where there are few."""

import statistics

import pytest

from edged.clock import NS_PER_S
from edged.updates.rules.baseline import BaselineMeter
from edged.vision.worker.net_time import MEASURED_HZ, MeasuredFrames
from support.sampling import seeded_random


@pytest.mark.parametrize("fps", [0.5, 5.0, 10.0])
def test_of_few_frames_each_is_measured(fps: float) -> None:
    frames = MeasuredFrames()
    assert all(frames.is_next(int(index * NS_PER_S / fps)) for index in range(50))


@pytest.mark.parametrize("fps", [30.0, 100.0, 250.0])
def test_of_many_about_ten_a_second_are(fps: float) -> None:
    frames = MeasuredFrames()
    measured = sum(frames.is_next(int(index * NS_PER_S / fps)) for index in range(int(60 * fps)))
    assert 0.7 * MEASURED_HZ * 60 <= measured <= 1.3 * MEASURED_HZ * 60


@pytest.mark.parametrize("cameras", [2, 3, 4, 8])
def test_each_of_several_cameras_that_take_turns_gets_its_share(cameras: int) -> None:
    frames, counts = MeasuredFrames(), [0] * cameras
    for index in range(30_000):
        counts[index % cameras] += frames.is_next(index * NS_PER_S // 200)
    expected = sum(counts) / cameras
    assert all(0.75 * expected < count < 1.25 * expected for count in counts), counts


def test_a_baseline_of_the_sample_is_that_of_all_frames_but_for_chance() -> None:
    rng = seeded_random("measured frames")
    # Two cameras in turns, one of which is dearer, and now and then a frame that takes long.
    times_ns = [
        int((4e6 if index % 2 else 5e6) * rng.lognormvariate(0, 0.05) * rng.choice([1] * 19 + [3]))
        for index in range(6000)
    ]
    frames = MeasuredFrames()
    sampled, complete = BaselineMeter(0), BaselineMeter(0)
    for index, frame_ns in enumerate(times_ns):
        is_measured = frames.is_next(index * NS_PER_S // 200)
        sampled.add_frame(frame_ns if is_measured else None)
        complete.add_frame(frame_ns)
        if index % 50 == 0:
            for meter in (sampled, complete):
                meter.add_sample(index * NS_PER_S // 200)
    assert sampled.baseline.fps == complete.baseline.fps
    assert sampled.baseline.frame_s == pytest.approx(complete.baseline.frame_s, rel=0.15)
    assert sampled.baseline.frame_s >= 0.97 * statistics.median(times_ns) / NS_PER_S
