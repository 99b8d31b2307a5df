from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.vision.worker.fair_share import FairShare

WAITS, EMPTY = object(), None
weight_maps = st.dictionaries(
    st.sampled_from("abcdefgh"), st.floats(0.25, 8.0), min_size=2, max_size=8
)


def serve_backlogged(weights: dict[str, float], turns: int) -> Counter[str]:
    """Serve cameras that always have a frame waiting, so many times."""
    share = FairShare(weights)
    share.set_weights(weights)
    waiting = dict.fromkeys(weights, WAITS)
    for name in weights:
        share.enqueue(name)
    served: Counter[str] = Counter()
    for _ in range(turns):
        camera = share.choose(waiting)
        assert camera is not None
        share.serve(camera)
        share.enqueue(camera)
        served[camera] += 1
    return served


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": 1.0, "b": 1.0}, {"a": 60, "b": 60}),
        ({"a": 2.0, "b": 1.0}, {"a": 80, "b": 40}),
        ({"a": 3.0, "b": 2.0, "c": 1.0}, {"a": 60, "b": 40, "c": 20}),
        ({"a": 0.1, "b": 1.1}, {"a": 10, "b": 110}),
    ],
)
def test_shares_follow_weights(weights: dict[str, float], expected: dict[str, int]) -> None:
    served = serve_backlogged(weights, 120)
    assert all(abs(served[camera] - count) <= 1 for camera, count in expected.items()), served


@given(weight_maps)
def test_between_any_two_cameras_no_more_than_a_frame_of_each_is_off(
    weights: dict[str, float],
) -> None:
    served = serve_backlogged(weights, 500)
    for one, its_weight in weights.items():
        for other, other_weight in weights.items():
            difference = served[one] / its_weight - served[other] / other_weight
            # The bound of the paper's theorem 1, for frames of length 1.
            assert difference <= 1 / its_weight + 1 / other_weight + 1e-6


@given(weight_maps, st.data())
def test_a_frame_that_waits_is_served_whatever_else_comes(
    weights: dict[str, float], data: st.DataObject
) -> None:
    share = FairShare(weights)
    share.set_weights(weights)
    waiting: dict[str, object | None] = dict.fromkeys(weights, EMPTY)
    patient = min(weights)
    for _ in range(data.draw(st.integers(0, 30))):  # any history
        camera = data.draw(st.sampled_from(sorted(weights)))
        share.enqueue(camera)
        share.serve(camera)
    share.enqueue(patient)
    waiting[patient] = WAITS
    limit = 2 + sum(2 + weight / weights[patient] for weight in weights.values())
    turns = 0
    while True:
        for camera in weights:  # all the others always have one
            if waiting[camera] is None:
                share.enqueue(camera)
                waiting[camera] = WAITS
        served = share.choose(waiting)
        assert served is not None
        share.serve(served)
        if served == patient:
            break
        waiting[served] = EMPTY
        turns += 1
        assert turns <= limit


def test_an_idle_camera_is_served_at_once_but_saves_nothing_up() -> None:
    share = FairShare(["a", "b"])
    for _ in range(100):
        share.enqueue("a")
        share.serve("a")
    share.enqueue("a")
    share.enqueue("b")
    order = []
    for _ in range(6):
        camera = share.choose({"a": WAITS, "b": WAITS})
        assert camera is not None
        share.serve(camera)
        share.enqueue(camera)
        order.append(camera)
    assert order[0] == "b"
    assert order.count("a") == 3


def test_a_weight_that_changes_counts_from_the_next_frame_on() -> None:
    share = FairShare(["a", "b"])
    served: Counter[str] = Counter()
    for name in ("a", "b"):
        share.enqueue(name)
    for turn in range(240):
        if turn == 120:
            share.set_weights({"a": 3.0})
            served.clear()
        camera = share.choose({"a": WAITS, "b": WAITS})
        assert camera is not None
        share.serve(camera)
        share.enqueue(camera)
        served[camera] += 1
    assert abs(served["a"] - 90) <= 1


def test_nothing_is_chosen_while_none_waits() -> None:
    assert FairShare(["a", "b"]).choose({"a": EMPTY, "b": EMPTY}) is None


@pytest.mark.parametrize("comes_early", [False, True])
def test_frames_on_which_the_model_need_not_run_hardly_count(comes_early: bool) -> None:  # noqa: FBT001
    """`comes_early`: whether a camera's next frame is there before the decision on the last one."""
    share, waiting = FairShare(["still", "busy"]), dict.fromkeys(["still", "busy"], WAITS)
    for name in waiting:
        share.enqueue(name)
    served: Counter[str] = Counter()
    for _ in range(420):
        camera = share.choose(waiting)
        assert camera is not None
        share.serve(camera)
        served[camera] += 1
        if comes_early:
            share.enqueue(camera)
        if camera == "still":
            share.refund(camera)
        if not comes_early:
            share.enqueue(camera)
    assert served["busy"] == pytest.approx(20, abs=2)


def test_a_camera_that_was_still_saves_nothing_up() -> None:
    share, waiting = FairShare(["still", "busy"]), dict.fromkeys(["still", "busy"], WAITS)
    for name in waiting:
        share.enqueue(name)
    served: Counter[str] = Counter()
    for turn in range(400):
        camera = share.choose(waiting)
        assert camera is not None
        share.serve(camera)
        if camera == "still" and turn < 200:
            share.refund(camera)
        share.enqueue(camera)
        served[camera] += turn >= 200
    assert served["busy"] == pytest.approx(100, abs=2)
