"""Drawn scenes: each depends only on its seed, and its boxes are where the marks are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.marks import MARK_LABELS, draw_mark
from edged_models.errors import PicturesError
from edged_models.marks import print_effects, solids
from edged_models.marks.photographs import Photographs
from edged_models.marks.scenes import SIDE_PX, draw_scene


@pytest.mark.parametrize("hard", [False, True])
def test_a_scene_depends_only_on_its_seed(hard: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    one, again = draw_scene(11, hard=hard), draw_scene(11, hard=hard)
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.boxes, again.boxes)
    assert not np.array_equal(one.image, draw_scene(12, hard=hard).image)


def test_boxes_lie_in_the_picture_and_all_kinds_occur() -> None:
    scenes = [draw_scene(seed) for seed in range(60)]
    boxes = np.concatenate([s.boxes for s in scenes])
    assert all(s.image.shape == (SIDE_PX, SIDE_PX, 3) and s.image.dtype == np.uint8 for s in scenes)
    assert boxes.min() >= 0
    assert boxes.max() <= SIDE_PX
    assert (boxes[:, 2:] - boxes[:, :2]).min() > 3
    assert {int(c) for s in scenes for c in s.classes} == set(range(len(MARK_LABELS)))
    assert 2 < sum(len(s.boxes) == 0 for s in scenes) < 30


def test_photographs_are_backgrounds(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "green.png"), np.full((300, 400, 3), (0, 255, 0), np.uint8))
    photographs = Photographs.from_folder(tmp_path)
    scenes = [draw_scene(seed, photographs=photographs) for seed in range(30)]
    green = [
        s for s in scenes if np.median(s.image[..., 1]) > 1.5 * np.median(s.image[..., 0]) + 20
    ]
    assert 5 < len(green) < 25
    assert any(len(s.boxes) for s in green)
    assert any(not len(s.boxes) for s in green)


def test_a_damaged_photograph_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(PicturesError, match=r"bad\.jpg"):
        Photographs.from_folder(tmp_path).crop(np.random.default_rng(1), 64)


@pytest.mark.parametrize("label", MARK_LABELS)
def test_the_outline_of_a_curled_mark_still_encloses_it(label: str) -> None:
    rng = np.random.default_rng(5)
    curled = print_effects.simulate_curl(draw_mark(label, rng), rng)
    height, width = curled.alpha.shape
    low, high = curled.outline.min(axis=0), curled.outline.max(axis=0)
    assert (low >= -0.01).all()
    assert (high <= 1.01).all()
    rows, columns = np.nonzero(curled.alpha > 128)
    visible = (columns.max() - columns.min()) / width, (rows.max() - rows.min()) / height
    assert (high - low <= np.array(visible) + 0.03).all()


def test_a_halftone_keeps_the_mark_in_place() -> None:
    rng = np.random.default_rng(6)
    mark = draw_mark("qr_code", rng)
    printed = print_effects.simulate_print(mark, rng)
    assert np.array_equal(printed.alpha, mark.alpha)
    assert not np.array_equal(printed.rgb, mark.rgb)


def test_solids_change_the_picture_within_its_bounds() -> None:
    pictures = []
    for seed in range(40):
        canvas = np.full((96, 96, 3), 120, np.uint8)
        solids.add_solid(canvas, np.random.default_rng(seed))
        pictures.append(canvas)
    changed = [picture for picture in pictures if (picture != 120).any()]
    assert len(changed) > 30
