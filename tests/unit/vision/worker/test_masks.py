from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.config.settings import Polygon
from edged.model.picture import split_planes
from edged.scene.geometry import PolygonArea
from edged.types import Frame, PixelFormat
from edged.vision.worker.masks import MaskPainter

pytestmark = pytest.mark.runtime

PACKED = (PixelFormat.BGR24, PixelFormat.RGB24, PixelFormat.GRAY8)
TRIANGLE: Polygon = ((0.1, 0.1), (0.9, 0.3), (0.4, 0.8))
WHOLE: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def make_frame(layout: PixelFormat, width: int, height: int, *, padding: int = 0) -> Frame:
    """All 200, padding included."""
    stride = width + padding
    if layout is PixelFormat.YUV420P:
        stride += stride % 2
        shape: tuple[int, ...] = (height + (height + 1) // 2, stride)
    else:
        shape = (height, stride) if layout is PixelFormat.GRAY8 else (height, stride, 3)
    return Frame(
        camera="front",
        seq=0,
        captured_ns=0,
        received_ns=0,
        pixels=np.full(shape, 200, np.uint8),
        format=layout,
        width=width,
        height=height,
    )


def find_inside(
    width: int, height: int, polygon: Polygon
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which pixels have their centre in a polygon, row by row."""
    area = PolygonArea(polygon)
    centres = (((x + 0.5) / width, (y + 0.5) / height) for y in range(height) for x in range(width))
    return np.fromiter(map(area.contains, centres), np.bool_)


corner = st.tuples(st.floats(0.0, 1.0, width=32), st.floats(0.0, 1.0, width=32))


@given(st.lists(corner, min_size=3, max_size=6), st.integers(1, 70), st.integers(1, 50))
def test_every_pixel_whose_centre_lies_in_a_mask_is_black(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    frame = make_frame(PixelFormat.GRAY8, width, height)
    MaskPainter([tuple(points)]).paint(frame)
    inside = find_inside(width, height, tuple(points))
    assert not frame.pixels.ravel()[inside].any()


@pytest.mark.parametrize("layout", PACKED)
@pytest.mark.parametrize("padding", [0, 6])
def test_packed_pixels_are_black_inside_and_untouched_far_outside(
    layout: PixelFormat, padding: int
) -> None:
    frame = make_frame(layout, 64, 48, padding=padding)
    MaskPainter([TRIANGLE]).paint(frame)
    assert not frame.pixels[20, 30].any()
    assert (frame.pixels[40:, 40:] == 200).all()
    assert (frame.pixels[:, 64:] == 200).all()


@pytest.mark.parametrize(("width", "height"), [(64, 48), (63, 47), (2, 2), (65, 50)])
@pytest.mark.parametrize("padding", [0, 8])
def test_planar_pixels_become_black_without_colour(width: int, height: int, padding: int) -> None:
    frame = make_frame(PixelFormat.YUV420P, width, height, padding=padding)
    MaskPainter([WHOLE]).paint(frame)
    luma, u, v = split_planes(frame)
    assert (luma == 16).all()
    assert (u == 128).all()
    assert (v == 128).all()
    assert (frame.pixels[:height, width:] == 200).all()


def test_colour_is_removed_wherever_luma_is_masked() -> None:
    frame = make_frame(PixelFormat.YUV420P, 64, 48)
    MaskPainter([TRIANGLE]).paint(frame)
    luma, u, v = split_planes(frame)
    inside = find_inside(64, 48, TRIANGLE).reshape(48, 64)
    for chroma in (u, v):
        assert (chroma.repeat(2, axis=0).repeat(2, axis=1)[inside] == 128).all()
        assert (chroma[20:, 20:] == 200).all()
    assert (luma[40:, 40:] == 200).all()


def test_two_masks_are_both_painted_and_no_mask_paints_nothing() -> None:
    frame = make_frame(PixelFormat.BGR24, 40, 40)
    MaskPainter([]).paint(frame)
    assert (frame.pixels == 200).all()
    left = ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0))
    right = ((0.8, 0.0), (1.0, 0.0), (1.0, 1.0), (0.8, 1.0))
    MaskPainter([left, right]).paint(frame)
    assert not frame.pixels[:, :8].any()
    assert (frame.pixels[:, 10:30] == 200).all()
    assert not frame.pixels[:, 32:].any()


def test_planes_that_are_no_view_are_refused_rather_than_left_bare() -> None:
    wide = make_frame(PixelFormat.YUV420P, 64, 48, padding=64)
    torn = Frame(
        camera="front",
        seq=0,
        captured_ns=0,
        received_ns=0,
        pixels=wide.pixels[:, :64],
        format=PixelFormat.YUV420P,
        width=64,
        height=48,
    )
    with pytest.raises(ValueError, match=r"front.*in place"):
        MaskPainter([WHOLE]).paint(torn)


@pytest.mark.parametrize("layout", PixelFormat)
@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_masks_cover_the_same_part_of_a_reduced_frame(layout: PixelFormat, reduction: int) -> None:
    small = make_frame(layout, 1280 // reduction, 720 // reduction, padding=8)
    frame = replace(small, width=1280, height=720, reduction=reduction)
    MaskPainter([TRIANGLE]).paint(frame)
    luma = frame.pixels[: 720 // reduction, : 1280 // reduction]
    value = luma.reshape(*luma.shape[:2], -1).max(axis=2).ravel()
    inside = find_inside(1280 // reduction, 720 // reduction, TRIANGLE)
    assert (value[inside] <= 16).all()
    assert (value == 200).mean() == pytest.approx(1 - inside.mean(), abs=0.04)
