from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.scene.box_arrays import areas, iou_matrix
from edged.scene.geometry import Point, PolygonArea, area, foot_point, intersection, iou
from edged.types import Box

fraction = st.floats(0.0, 1.0, width=32)
box = st.tuples(fraction, fraction, fraction, fraction).map(
    lambda sides: (
        min(sides[0], sides[2]),
        min(sides[1], sides[3]),
        max(sides[0], sides[2]),
        max(sides[1], sides[3]),
    )
)
SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
# A "U": two legs with a gap between them, open at the top.
CONCAVE = ((0, 0), (0.2, 0), (0.2, 0.8), (0.8, 0.8), (0.8, 0), (1, 0), (1, 1), (0, 1))


def inside(polygon: Sequence[Point], *points: Point) -> list[bool]:
    area = PolygonArea(polygon)
    return [area.contains(point) for point in points]


def test_areas_and_feet() -> None:
    boxes = (0.1, 0.2, 0.3, 0.6), (0.5, 0.5, 0.5, 0.5)
    assert [area(box) for box in boxes] == pytest.approx([0.08, 0.0])
    assert areas(np.array(boxes, np.float32)) == pytest.approx([0.08, 0.0])
    assert foot_point(boxes[0]) == pytest.approx((0.2, 0.6))


def test_iou_of_known_boxes() -> None:
    assert iou((0.0, 0.0, 0.2, 0.2), (0.1, 0.0, 0.3, 0.2)) == pytest.approx(1 / 3)
    assert iou((0.0, 0.0, 0.2, 0.2), (0.2, 0.0, 0.3, 0.2)) == 0.0
    assert iou((0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)) == 0.0


@given(box, box)
def test_both_overlaps_agree(one: Box, other: Box) -> None:
    matrix = iou_matrix(np.array([one], np.float32), np.array([other], np.float32))
    if max(area(one), area(other)) > 1e-6:  # below, float32 is too coarse
        assert iou(one, other) == pytest.approx(float(matrix[0, 0]), abs=1e-3)
    union = area(one) + area(other) - intersection(one, other)
    assert iou(one, other) * union == pytest.approx(intersection(one, other))


def test_a_square_has_its_inside_and_its_edges() -> None:
    where: tuple[Point, ...] = (
        (0.5, 0.5),
        (0.2, 0.5),
        (0.5, 0.8),
        (0.8, 0.8),
        (0.1, 0.5),
        (0.5, 0.81),
    )
    assert inside(SQUARE, *where) == [True, True, True, True, False, False]


def test_a_concave_polygon_leaves_its_gap_out() -> None:
    where: tuple[Point, ...] = ((0.1, 0.4), (0.5, 0.4), (0.9, 0.4), (0.5, 0.9))
    assert inside(CONCAVE, *where) == [True, False, True, True]


def test_the_border_of_the_frame_belongs_to_a_zone_that_ends_there() -> None:
    whole = ((0, 0), (1, 0), (1, 1), (0, 1))
    assert all(inside(whole, (0, 0), (1, 1), (0.5, 1), (1, 0.3), (0, 0.3), (0.5, 0)))


@pytest.mark.parametrize("edge", [0.1, 0.3, 1 / 3, 0.7])
def test_a_float32_on_an_edge_that_is_no_float32_is_inside(edge: float) -> None:
    polygon = ((0, edge), (1, edge), (1, 1), (0, 1))
    rounded = float(np.float32(edge))
    assert inside(polygon, (0.5, rounded), (0.5, rounded - 1e-5)) == [True, False]


def test_a_polygon_with_a_repeated_corner() -> None:
    assert inside((*SQUARE, SQUARE[-1]), (0.5, 0.5), (0.9, 0.9)) == [True, False]
    assert inside((*SQUARE, SQUARE[0]), (0.5, 0.5), (0.9, 0.9)) == [True, False]


@given(st.lists(st.tuples(fraction, fraction), min_size=1, max_size=8), st.integers(0, 7))
def test_where_the_corners_begin_and_which_way_they_run_is_all_the_same(
    where: list[Point], start: int
) -> None:
    expected = inside(CONCAVE, *where)
    assert inside(CONCAVE[start:] + CONCAVE[:start], *where) == expected
    assert inside(CONCAVE[::-1], *where) == expected


@given(st.tuples(fraction, fraction))
def test_the_inside_of_a_concave_polygon_is_that_of_its_parts(where: Point) -> None:
    parts = (
        ((0, 0), (0.2, 0), (0.2, 0.8), (0, 0.8)),
        ((0.8, 0), (1, 0), (1, 0.8), (0.8, 0.8)),
        ((0, 0.8), (1, 0.8), (1, 1), (0, 1)),
    )
    assert inside(CONCAVE, where) == [any(inside(part, where)[0] for part in parts)]
