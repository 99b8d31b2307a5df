"""What is hidden cannot be recognised: no edge of it is left, whatever its size and place."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.pictures.hiding import MAX_CELLS, PixelArea, hide_area
from edged.pictures.sharpness import measure_sharpness

WIDTH, HEIGHT = 320, 240
AREAS: tuple[PixelArea, ...] = (
    (100, 60, 220, 200),
    (-30, -20, 90, 100),
    (250, 180, 400, 300),
    (10, 10, 13, 200),
    (0, 0, WIDTH, HEIGHT),
)


def make_noise() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def clip(area: PixelArea) -> tuple[slice, slice]:
    return slice(max(area[1], 0), area[3]), slice(max(area[0], 0), area[2])


@pytest.mark.parametrize("how", ["blur", "pixelate", "black"])
@pytest.mark.parametrize("area", AREAS)
def test_nothing_is_left_but_a_few_colours(area: PixelArea, how: str) -> None:
    picture = make_noise()
    before = picture[clip(area)].copy()
    hide_area(picture, area, how)  # type: ignore[arg-type] # a Literal
    hidden = picture[clip(area)]
    assert not np.array_equal(hidden, before)
    if how == "black":
        assert not hidden.any()
    if how == "pixelate":
        colours = np.unique(hidden.reshape(-1, 3), axis=0)
        assert len(colours) <= MAX_CELLS**2
    spread = hidden.astype(float).std() / before.astype(float).std()
    assert spread < 0.5


@pytest.mark.parametrize("how", ["blur", "pixelate", "black"])
def test_nothing_outside_is_changed(how: str) -> None:
    picture, before = make_noise(), make_noise()
    hide_area(picture, AREAS[0], how)  # type: ignore[arg-type]
    picture[clip(AREAS[0])] = before[clip(AREAS[0])]
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("area", [(400, 10, 500, 50), (10, 10, 10, 50), (-50, -50, 0, 0)])
def test_an_area_outside_the_picture_changes_nothing(area: PixelArea) -> None:
    picture = make_noise()
    hide_area(picture, area, "black")
    assert np.array_equal(picture, make_noise())


def test_a_large_object_is_hidden_as_thoroughly_as_a_small_one() -> None:
    for side in (40, 230):
        picture = make_noise()
        text_area = (0, 0, side, side)
        cv2.putText(picture, "AB12", (2, side // 2), 0, side / 90, (255, 255, 255), 2)
        hide_area(picture, text_area, "blur")
        assert measure_sharpness(picture[:side, :side].astype(np.uint8)) < 30


def test_a_blurred_object_is_less_sharp_and_so_is_a_small_one() -> None:
    rng = np.random.default_rng(2)
    sharp = rng.integers(0, 256, (200, 200), np.uint8).repeat(4, 0).repeat(4, 1)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 8).astype(np.uint8)
    small = cv2.resize(cv2.resize(sharp, (40, 40), interpolation=cv2.INTER_AREA), (800, 800))
    assert measure_sharpness(sharp) > 4 * measure_sharpness(blurred)
    assert measure_sharpness(sharp) > measure_sharpness(small.astype(np.uint8))
