"""Polygons that enclose an area, and polygons that do not."""

import random

import pytest

from edged.config.polygons import Point, polygon_problem

SQUARE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
L_SHAPE = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0)]


@pytest.mark.parametrize(
    "points",
    [
        SQUARE,
        SQUARE[::-1],
        L_SHAPE,
        [(0.0, 0.0), (1.0, 0.0), (0.0, 1e-6)],
        [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0)],  # a corner that does not turn
    ],
)
def test_an_outline_is_accepted_from_any_corner_on(points: list[Point]) -> None:
    for first in range(len(points)):
        assert polygon_problem(points[first:] + points[:first]) is None


@pytest.mark.parametrize(
    ("points", "fault"),
    [
        ([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)], "touches or crosses"),
        (
            [(0.0, 0.0), (1.0, 0.0), (0.2, 0.0), (0.2, 1.0)],
            "touches or crosses",
        ),  # goes back along a side
        (
            [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0)],
            "touches or crosses",
        ),  # a corner on a side
        ([(0.5, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0), (0.5, 0.0)], "appears twice"),
        ([(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], "on one line"),
        ([(0.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.25, 0.25)], "on one line"),
    ],
)
def test_an_outline_is_refused_from_any_corner_on(points: list[Point], fault: str) -> None:
    for first in range(len(points)):
        assert fault in (polygon_problem(points[first:] + points[:first]) or "")


def test_a_band_of_any_shape_is_accepted_and_twisted_it_is_refused() -> None:
    rng = random.Random(7)
    for _ in range(50):
        xs = [x / 1000 for x in sorted(rng.sample(range(1, 1000), 6))]
        upper = [(x, 0.5 + rng.uniform(0.01, 0.5)) for x in xs]
        lower = [(x, 0.5 - rng.uniform(0.01, 0.5)) for x in xs]
        assert polygon_problem(upper + lower[::-1]) is None
        assert "touches or crosses" in (polygon_problem(upper + lower) or "")
