"""Cores, memory of a process, shapes and frames."""

from pathlib import Path

import numpy as np
import pytest

from edged.bench.benchmark import input_size
from edged.bench.camera_rates import CameraRates
from edged.bench.cores import split_cores
from edged.bench.counted_run import CountedRun
from edged.bench.frame_files import draw_frames, write_array
from edged.bench.picture_source import PictureSource
from edged.bench.processes import parse_rollup
from edged.bench.scenarios.cameras import share_error_percent
from support.clock import FakeClock


def test_the_last_of_three_cores_is_for_the_broker_and_the_subscriber() -> None:
    split = split_cores({0, 2, 5})
    assert (split.measured, split.others) == (frozenset({0, 2}), frozenset({5}))
    assert split.is_pinned
    assert not split_cores({0, 1}).is_pinned
    assert split_cores({0, 1}).measured == {0, 1}


def test_a_rollup_has_resident_and_proportional_memory() -> None:
    text = "5600-7fff ---p 00000000 00:00 0   [rollup]\nRss:   2048 kB\nPss:   1024 kB\nPss_Dirty: 1 kB\n"
    use = parse_rollup(text)
    assert (use.rss_mb, use.pss_mb) == (2.0, 1.0)
    with pytest.raises(ValueError, match="no line"):
        parse_rollup("Rss: 1 kB\n")


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 300, 400, 3), (400, 300)), ((1, 3, 300, 400), (400, 300)), ((1, 1001), (0, 0))],
)
def test_the_size_of_a_models_input_is_found_in_both_layouts(
    shape: tuple[int, ...], size: tuple[int, int]
) -> None:
    assert input_size(shape) == size


def test_the_tutorial_loop_gets_the_frames_of_the_daemons_camera_again_and_again(
    tmp_path: Path,
) -> None:
    frames = draw_frames(96, 64, FakeClock())
    assert frames.shape == (8, 64, 96, 3)
    assert any((frames[0] != other).any() for other in frames[1:])
    source = PictureSource(write_array(frames, tmp_path / "frames.npy"), fps=0.0)
    for number in range(10):
        is_read, picture = source.read()
        assert is_read
        assert picture is not None
        assert np.array_equal(picture, frames[number % 8])
        assert source.frame_number == number


def test_the_error_of_a_share_is_that_of_the_camera_furthest_from_an_equal_one() -> None:
    rates = {name: CameraRates(30.0, fps) for name, fps in (("a", 9.0), ("b", 10.0), ("c", 11.0))}
    run = CountedRun(cpu_share={"supervisor": 0.1}, memory={}, cameras=rates)
    assert share_error_percent(run) == pytest.approx(10.0)
    assert run.inferred_fps == pytest.approx(30.0)
