"""Regions and tiles: where else the model runs, and how their detections become one list."""

from itertools import product

import numpy as np
import pytest

from edged.types import Detections
from edged.vision.worker.regions import (
    WHOLE_FRAME,
    Region,
    RegionSize,
    choose_regions,
    make_tiles,
    merge_detections,
    move_to_frame,
)

SIZE = RegionSize.for_input(frame_width=1920, frame_height=1080, input_width=300, input_height=300)


def detections(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    return Detections(
        np.array([row[:4] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[4] for row in rows], np.float32),
        np.array([row[5] for row in rows], np.int32),
    )


def area(x: float, y: float, size: float = 0.02) -> Region:
    return Region(x, y, x + size, y + size)


def test_a_small_area_gets_as_many_pixels_as_the_input_has() -> None:
    (region,) = choose_regions([area(0.5, 0.5)], SIZE, max_count=1)
    assert region.x2 - region.x1 == pytest.approx(300 / 1920)
    assert region.y2 - region.y1 == pytest.approx(300 / 1080)
    assert region.centre == pytest.approx((0.51, 0.51))


@pytest.mark.parametrize(("x", "y"), list(product((0.0, 0.98), repeat=2)))
def test_a_region_at_the_edge_stays_within_the_frame_and_keeps_its_size(x: float, y: float) -> None:
    (region,) = choose_regions([area(x, y)], SIZE, max_count=1)
    assert region.x1 >= 0.0
    assert region.y1 >= 0.0
    assert region.x2 <= 1.0 + 1e-9
    assert region.y2 <= 1.0 + 1e-9
    assert region.x2 - region.x1 == pytest.approx(SIZE.width)
    assert region.x1 <= x
    assert region.x2 >= min(x + 0.02, 1.0) - 1e-9


def test_a_larger_area_gets_a_larger_region_of_the_same_shape() -> None:
    (region,) = choose_regions([Region(0.4, 0.4, 0.5, 0.5)], SIZE, max_count=1)
    assert region.x2 - region.x1 == pytest.approx(0.2)
    assert (region.y2 - region.y1) / (region.x2 - region.x1) == pytest.approx(1920 / 1080)


def test_an_area_that_fills_much_of_the_frame_gets_none() -> None:
    assert choose_regions([Region(0.2, 0.2, 0.6, 0.6)], SIZE, max_count=1) == []


def test_areas_side_by_side_share_a_region() -> None:
    regions = choose_regions([area(0.50, 0.5), area(0.53, 0.5), area(0.9, 0.5)], SIZE, max_count=3)
    assert len(regions) == 2


def test_more_areas_than_regions_take_turns_and_none_is_left_out() -> None:
    areas = [area(x, 0.5) for x in (0.1, 0.5, 0.9)]
    seen = [choose_regions(areas, SIZE, max_count=1, turn=turn)[0].centre[0] for turn in range(6)]
    assert sorted(seen[:3]) == sorted(seen[3:])
    assert len({round(x, 3) for x in seen}) == 3


def test_tiles_cover_the_frame_and_overlap() -> None:
    tiles = make_tiles(3, 2, 0.2)
    assert len(tiles) == 6
    for x, y in product(np.linspace(0, 1, 41), repeat=2):
        assert any(t.x1 <= x <= t.x2 + 1e-9 and t.y1 <= y <= t.y2 + 1e-9 for t in tiles)
    first, second = tiles[0], tiles[1]
    assert first.x2 - second.x1 == pytest.approx(0.2 * (first.x2 - first.x1))


def test_detections_of_a_region_are_moved_to_the_frame_and_cut_ones_left_out() -> None:
    region = Region(0.5, 0.25, 0.75, 0.75)
    found = detections((0.2, 0.2, 0.4, 0.6, 0.9, 1), (0.0, 0.2, 0.4, 0.6, 0.8, 1))
    moved = move_to_frame(found, region)
    assert moved.boxes.tolist() == [pytest.approx([0.55, 0.35, 0.6, 0.55])]
    assert moved.scores.tolist() == pytest.approx([0.9])


def test_the_frames_own_edge_cuts_nothing() -> None:
    found = detections((0.0, 0.0, 0.4, 1.0, 0.9, 1))
    assert len(move_to_frame(found, Region(0.0, 0.0, 0.5, 1.0))) == 1
    assert len(move_to_frame(found, WHOLE_FRAME)) == 1


def test_an_object_of_two_invokes_is_one_with_the_better_score() -> None:
    whole = detections((0.1, 0.1, 0.3, 0.3, 0.5, 1))
    region = detections((0.11, 0.1, 0.3, 0.31, 0.9, 1), (0.6, 0.6, 0.7, 0.7, 0.8, 1))
    merged = merge_detections([whole, region])
    assert merged.scores.tolist() == pytest.approx([0.9, 0.8])
    assert merged.boxes[0].tolist() == pytest.approx([0.1, 0.1, 0.3, 0.3])


def test_a_part_of_an_object_is_not_another_one() -> None:
    whole = detections((0.1, 0.1, 0.3, 0.7, 0.8, 1))
    part = detections((0.1, 0.1, 0.3, 0.3, 0.7, 1))
    assert len(merge_detections([whole, part])) == 1


def test_other_classes_are_kept_apart() -> None:
    whole = detections((0.1, 0.1, 0.3, 0.3, 0.5, 1))
    assert len(merge_detections([whole, detections((0.1, 0.1, 0.3, 0.3, 0.5, 2))])) == 2
    assert len(merge_detections([Detections.empty(), Detections.empty()])) == 0
