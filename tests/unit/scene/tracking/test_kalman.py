import pytest

from edged.clock import NS_PER_S
from edged.scene.tracking.kalman import BoxFilter
from edged.types import Box


def follow(*boxes: Box, fps: int = 10) -> BoxFilter:
    """Return a filter that has seen these boxes, one a frame; the last one at 1 s."""
    begin_ns = NS_PER_S - (len(boxes) - 1) * NS_PER_S // fps
    one = BoxFilter(boxes[0], begin_ns)
    for index, box in enumerate(boxes[1:], 1):
        one.predict(begin_ns + index * NS_PER_S // fps)
        one.correct(box, begin_ns + index * NS_PER_S // fps)
    return one


def test_an_even_movement_is_predicted() -> None:
    walker = follow(*((x / 100, 0.3, x / 100 + 0.1, 0.7) for x in range(10, 50, 2)))
    assert walker.predict(2 * NS_PER_S) == pytest.approx((0.68, 0.3, 0.78, 0.7), abs=0.02)
    assert walker.predict(60 * NS_PER_S)[0] == pytest.approx(0.48 + 2 * 0.2, abs=0.03), (
        "2 s at most"
    )


def test_the_uncertainty_grows_with_time_and_shrinks_with_detections() -> None:
    new, known = follow((0.1, 0.1, 0.2, 0.2)), follow(*[(0.1, 0.1, 0.2, 0.2)] * 20)
    for one in (new, known):
        one.predict(NS_PER_S + NS_PER_S // 10)
    assert known.spread < new.spread
    soon = known.spread
    known.predict(2 * NS_PER_S)
    assert known.spread > soon


@pytest.mark.parametrize("way", ["left", "right"])
def test_an_object_that_leaves_the_frame_is_expected_nowhere(way: str) -> None:
    steps = [0.8 + 0.02 * index for index in range(9)]
    leaving: list[Box] = [(x, 0.3, min(x + 0.12, 1.0), 0.7) for x in steps]
    if way == "left":
        leaving = [(1.0 - x2, y1, 1.0 - x1, y2) for x1, y1, x2, y2 in leaving]
    left, _, right, _ = follow(*leaving).predict(2 * NS_PER_S)
    assert left == right == (1.0 if way == "right" else 0.0)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_an_object_that_enters_grows_from_the_edge(edge: float) -> None:
    entering: list[Box] = [(0.0, 0.3, 0.04 + 0.01 * index, 0.7) for index in range(8)]
    if edge:
        entering = [(1.0 - x2, y1, 1.0 - x1, y2) for x1, y1, x2, y2 in entering]
    left, _, right, _ = follow(*entering).predict(NS_PER_S + NS_PER_S // 2)
    assert (left if edge == 0.0 else right) == edge
    assert right - left == pytest.approx(0.16, abs=0.03)


def test_what_fills_the_frame_is_predicted_as_ever() -> None:
    wide = follow(*[(0.0, 0.2, 1.0, 0.8)] * 10)
    assert wide.predict(2 * NS_PER_S) == pytest.approx((0.0, 0.2, 1.0, 0.8), abs=0.01)
