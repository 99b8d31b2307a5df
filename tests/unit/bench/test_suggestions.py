"""What a board's figures suggest."""

import pytest

from edged.bench.suggestions import BoardFigures, ThreadTrial, choose_threads, suggest
from edged.bench.thread_trials import list_counts


def trial(threads: int, invoke_ms: float) -> ThreadTrial:
    return ThreadTrial(threads=threads, invoke_ms=invoke_ms, cpu_ms=invoke_ms * threads)


def make_figures(
    *,
    trials: tuple[ThreadTrial, ...] = (trial(1, 20.0),),
    frame: tuple[int, int] = (1280, 720),
    encode_ms: float | None = 1.0,
    cpu_ms: float | None = 22.0,
    fps: float = 30.0,
) -> BoardFigures:
    return BoardFigures(
        trials=trials,
        frame=frame,
        model_input=(300, 300),
        encode_ms=encode_ms,
        cpu_ms=cpu_ms,
        fps=fps,
    )


@pytest.mark.parametrize(
    ("times_ms", "threads"),
    [
        ({1: 100.0, 2: 60.0, 4: 35.0}, 4),
        ({1: 100.0, 2: 52.0, 4: 50.0}, 2),
        ({1: 100.0, 2: 95.0, 4: 130.0}, 1),
    ],
)
def test_the_fewest_threads_that_are_about_as_fast_are_chosen(
    times_ms: dict[int, float], threads: int
) -> None:
    trials = [trial(count, ms) for count, ms in reversed(times_ms.items())]
    assert choose_threads(trials).threads == threads


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (6, [1, 2, 4, 6])]
)
def test_powers_of_two_and_all_cores_are_tried(cores: int, counts: list[int]) -> None:
    assert list_counts(cores) == counts


def find(figures: BoardFigures, begin: str) -> str | None:
    return next((line for line in suggest(figures) if line.startswith(begin)), None)


def test_a_smaller_frame_is_suggested_only_where_it_saves_something() -> None:
    assert "near 300x300" in (find(make_figures(), "frame size") or "")
    assert find(make_figures(frame=(500, 375)), "frame size") is None
    assert find(make_figures(encode_ms=0.1), "frame size") is None
    assert find(make_figures(encode_ms=None), "frame size") is None


def test_a_lower_camera_rate_is_suggested_where_the_model_cannot_follow() -> None:
    slow = make_figures(trials=(trial(1, 110.0),))
    assert "9.1 times a second" in (find(slow, "camera rate") or "")
    assert find(make_figures(), "camera rate") is None


def test_the_motion_gate_is_suggested_where_a_camera_keeps_a_core_busy() -> None:
    assert "66% of a core" in (find(make_figures(), "motion gate") or "")
    assert find(make_figures(cpu_ms=1.0), "motion gate") is None
