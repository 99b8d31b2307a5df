"""The parts of the model's recipe that need no TensorFlow."""

import numpy as np
import pytest

from edged.marks import MARKS
from edged.types import Detections
from edged_models.detector.anchors import anchors, decode
from edged_models.evaluation.average_precision import Picture, average_precision
from edged_models.marks.scenes import SIDE_PX, scene


@pytest.mark.parametrize("hard", [False, True])
def test_a_scene_depends_on_its_seed_alone(hard: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    one, again = scene(11, hard=hard), scene(11, hard=hard)
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.boxes, again.boxes)
    assert not np.array_equal(one.image, scene(12, hard=hard).image)


def test_boxes_lie_in_the_picture_and_all_kinds_occur() -> None:
    scenes = [scene(seed) for seed in range(60)]
    boxes = np.concatenate([s.boxes for s in scenes])
    assert all(s.image.shape == (SIDE_PX, SIDE_PX, 3) and s.image.dtype == np.uint8 for s in scenes)
    assert boxes.min() >= 0
    assert boxes.max() <= SIDE_PX
    assert (boxes[:, 2:] - boxes[:, :2]).min() > 3
    assert {int(c) for s in scenes for c in s.classes} == set(range(len(MARKS)))
    assert 2 < sum(len(s.boxes) == 0 for s in scenes) < 30


def test_a_code_of_zeros_is_the_anchor_itself() -> None:
    table = anchors(64)
    assert table.shape == (8 * 8 + 4 * 4 + 2 * 2, 4)
    boxes = decode(np.zeros_like(table), table)
    assert np.allclose(boxes[0], [0.0625 - 0.25, 0.0625 - 0.25, 0.0625 + 0.25, 0.0625 + 0.25])


def test_a_code_moves_by_anchor_sizes_and_grows_by_powers_of_e() -> None:
    table = anchors(64)[-1:]  # at (0.75, 0.75), twice the picture wide
    code = np.array([[0.25, -0.125, np.log(0.5), np.log(0.25)]], np.float32)
    assert np.allclose(decode(code, table), [[0.25, 0.75, 0.75, 1.75]])


def _picture(scores: list[float], boxes: list[list[float]], true: list[list[float]]) -> Picture:
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.zeros(len(scores), np.int32),
    )
    return Picture(found, np.array(true, np.float32).reshape(-1, 4), np.zeros(len(true), np.int32))


HERE, THERE = [0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.9, 0.9]


def test_average_precision_is_one_when_all_is_found_first() -> None:
    pictures = [_picture([0.9, 0.3], [HERE, THERE], [HERE]), _picture([0.8], [THERE], [THERE])]
    assert average_precision(pictures, 0, least_iou=0.5) == 1.0


def test_a_better_scored_mistake_and_a_miss_cost() -> None:
    pictures = [_picture([0.9], [THERE], [HERE]), _picture([0.8], [THERE], [THERE])]
    # Half of the marks is found, at a precision of one half: 51 of 101 recall points at 0.5.
    assert average_precision(pictures, 0, least_iou=0.5) == pytest.approx(51 / 101 / 2)


def test_a_mark_found_twice_counts_once() -> None:
    pictures = [_picture([0.9, 0.8], [HERE, HERE], [HERE, THERE])]
    assert average_precision(pictures, 0, least_iou=0.5) == pytest.approx(51 / 101)


def test_no_mark_of_a_class_is_no_number() -> None:
    assert np.isnan(average_precision([_picture([0.9], [HERE], [])], 0, least_iou=0.5))
