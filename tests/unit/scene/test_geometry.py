import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.scene.geometry import areas, foot_points, iou, iou_matrix, is_in_polygon

fraction = st.floats(0.0, 1.0, width=32)
box = st.tuples(fraction, fraction, fraction, fraction).map(
    lambda sides: (
        min(sides[0], sides[2]),
        min(sides[1], sides[3]),
        max(sides[0], sides[2]),
        max(sides[1], sides[3]),
    )
)
SQUARE = np.array(((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), np.float32)
# A "U": two legs with a gap between them, open at the top.
CONCAVE = np.array(
    ((0, 0), (0.2, 0), (0.2, 0.8), (0.8, 0.8), (0.8, 0), (1, 0), (1, 1), (0, 1)), np.float32
)


def points(*where: tuple[float, float]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.array(where, np.float32).reshape(-1, 2)


def test_areas_and_feet() -> None:
    boxes = np.array(((0.1, 0.2, 0.3, 0.6), (0.5, 0.5, 0.5, 0.5)), np.float32)
    assert areas(boxes) == pytest.approx([0.08, 0.0])
    np.testing.assert_allclose(foot_points(boxes), [(0.2, 0.6), (0.5, 0.5)], rtol=1e-6)


def test_iou_of_known_boxes() -> None:
    assert iou((0.0, 0.0, 0.2, 0.2), (0.1, 0.0, 0.3, 0.2)) == pytest.approx(1 / 3)
    assert iou((0.0, 0.0, 0.2, 0.2), (0.2, 0.0, 0.3, 0.2)) == 0.0


@given(box, box)
def test_both_overlaps_agree(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    matrix = iou_matrix(np.array([one], np.float32), np.array([other], np.float32))
    if max(areas(np.array([one, other], np.float32))) > 1e-6:  # below, float32 is too coarse
        assert iou(one, other) == pytest.approx(float(matrix[0, 0]), abs=1e-3)


def test_a_square_has_its_inside_and_its_edges() -> None:
    where = points((0.5, 0.5), (0.2, 0.5), (0.5, 0.8), (0.8, 0.8), (0.1, 0.5), (0.5, 0.81))
    assert is_in_polygon(where, SQUARE).tolist() == [True, True, True, True, False, False]


def test_a_concave_polygon_leaves_its_gap_out() -> None:
    where = points((0.1, 0.4), (0.5, 0.4), (0.9, 0.4), (0.5, 0.9))
    assert is_in_polygon(where, CONCAVE).tolist() == [True, False, True, True]


def test_the_border_of_the_frame_belongs_to_a_zone_that_ends_there() -> None:
    whole = points((0, 0), (1, 0), (1, 1), (0, 1))
    corners = points((0, 0), (1, 1), (0.5, 1), (1, 0.3), (0, 0.3), (0.5, 0))
    assert is_in_polygon(corners, whole).all()


def test_no_points_and_a_polygon_with_a_repeated_corner() -> None:
    assert is_in_polygon(points(), SQUARE).shape == (0,)
    twice = np.concatenate((SQUARE, SQUARE[-1:]))
    assert is_in_polygon(points((0.5, 0.5), (0.9, 0.9)), twice).tolist() == [True, False]


@given(st.lists(st.tuples(fraction, fraction), min_size=1, max_size=8), st.integers(0, 3))
def test_where_the_corners_begin_and_which_way_they_run_is_all_the_same(
    where: list[tuple[float, float]], start: int
) -> None:
    tested = points(*where)
    inside = is_in_polygon(tested, CONCAVE).tolist()
    assert is_in_polygon(tested, np.roll(CONCAVE, start, axis=0)).tolist() == inside
    assert is_in_polygon(tested, CONCAVE[::-1]).tolist() == inside
