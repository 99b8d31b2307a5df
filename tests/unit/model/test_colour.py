"""Planes of every colour space become the colours that they were made from; the planes are computed in `support.colour_bars`."""

import cv2
import numpy as np
import pytest

from edged.model.encode import Encoder, fit_frame
from edged.model.picture import FrameConverter
from edged.types import (
    Channels,
    ColourMatrix,
    ColourSpace,
    Fitting,
    Frame,
    InputSpec,
    PixelFormat,
    TensorInfo,
)
from edged.vision.worker.masks import MaskPainter
from support.colour_bars import BARS, draw_bars, encode_planes, measure_bars

SPACES = [ColourSpace(matrix, full) for matrix in ColourMatrix for full in (False, True)]
EVERYTHING = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def make_frame(rgb: np.ndarray, colour: ColourSpace, padding: int = 0) -> Frame:
    luma, *chroma = encode_planes(rgb, colour)
    height, width = luma.shape
    rows = [np.pad(luma, [(0, 0), (0, padding)], constant_values=7)]
    rows += [np.pad(one, [(0, 0), (0, padding // 2)], constant_values=7) for one in chroma]
    pixels = np.concatenate([one.ravel() for one in rows]).reshape(-1, width + padding)
    return Frame(
        camera="test",
        seq=0,
        captured_ns=0,
        received_ns=0,
        pixels=pixels.astype(np.uint8),
        format=PixelFormat.YUV420P,
        width=width,
        height=height,
        colour=colour,
    )


@pytest.mark.parametrize("padding", [0, 64])
@pytest.mark.parametrize("channels", [Channels.RGB, Channels.BGR])
@pytest.mark.parametrize("colour", SPACES, ids=str)
def test_the_colours_of_a_picture_reach_the_model(
    colour: ColourSpace, channels: Channels, padding: int
) -> None:
    target = np.zeros((96, 128, 3), np.uint8)
    FrameConverter(channels).convert(make_frame(draw_bars(128, 96), colour, padding), target)
    rgb = target if channels is Channels.RGB else target[..., ::-1]
    assert np.abs(measure_bars(rgb) - BARS).max() <= 1.5


@pytest.mark.parametrize("colour", SPACES, ids=str)
def test_a_gray_model_gets_the_luma_of_either_range(colour: ColourSpace) -> None:
    target = np.zeros((96, 128), np.uint8)
    FrameConverter(Channels.GRAY).convert(make_frame(draw_bars(128, 96), colour), target)
    grays = measure_bars(np.repeat(target[..., None], 3, axis=2))[:4, 0]
    assert np.abs(grays - [16, 64, 192, 235]).max() <= 1.0


@pytest.mark.parametrize("sides", [(96, 64), (95, 63), (300, 300)])
@pytest.mark.parametrize("fitting", Fitting)
@pytest.mark.parametrize("matrix", [ColourMatrix.BT601, ColourMatrix.BT709])
def test_a_full_range_picture_lies_in_its_place_in_the_input(
    sides: tuple[int, int], fitting: Fitting, matrix: ColourMatrix
) -> None:
    tensor = TensorInfo(index=0, name="in", shape=(), dtype="uint8", scale=1.0, zero_point=0)
    wanted = InputSpec(
        width=sides[0],
        height=sides[1],
        mean=(0.0,),
        std=(1.0,),
        tensor=tensor,
        fitting=fitting,
        pad=114,
    )
    rgb = np.asarray(cv2.GaussianBlur(draw_bars(320, 180), (0, 0), 4), np.uint8)
    array = Encoder(wanted)(make_frame(rgb, ColourSpace(matrix, is_full_range=True))).array[0]
    (x, y, width, height), _ = fit_frame(wanted, 320, 180)
    inside = array[y : y + height, x : x + width]
    difference = np.abs(inside.astype(int) - cv2.resize(rgb, (width, height)))
    assert float(difference.mean()) < 1.5
    assert int(difference.max()) < 24
    outside = np.ones(array.shape[:2], bool)
    outside[y : y + height, x : x + width] = False
    assert set(array[outside].ravel().tolist()) <= {114}


@pytest.mark.parametrize("colour", SPACES, ids=str)
def test_a_mask_is_black_in_every_colour_space(colour: ColourSpace) -> None:
    frame = make_frame(draw_bars(128, 96), colour)
    MaskPainter([EVERYTHING]).paint(frame)
    target = np.full((96, 128, 3), 99, np.uint8)
    FrameConverter(Channels.RGB).convert(frame, target)
    assert target.max() == 0
