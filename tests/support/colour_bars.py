"""Colour bars: their planes in any colour space, clips of them, and the colours that a frame gives to a model.

The planes are computed here from the definitions in ITU-T H.273, apart from the code under test.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged.model.encode import Encoder
from edged.types import ColourMatrix, ColourSpace, Frame, InputSpec, TensorInfo

BARS = (
    (16, 16, 16),
    (64, 64, 64),
    (192, 192, 192),
    (235, 235, 235),
    (200, 60, 40),
    (40, 180, 60),
    (50, 70, 210),
    (230, 220, 30),
)
"""RGB."""
KR_KB = {
    ColourMatrix.BT601: (0.299, 0.114),
    ColourMatrix.BT709: (0.2126, 0.0722),
    ColourMatrix.FCC: (0.30, 0.11),
    ColourMatrix.SMPTE240M: (0.212, 0.087),
    ColourMatrix.BT2020: (0.2627, 0.0593),
}
AV_COLORSPACES = {
    ColourMatrix.BT601: 5,
    ColourMatrix.BT709: 1,
    ColourMatrix.FCC: 4,
    ColourMatrix.SMPTE240M: 7,
    ColourMatrix.BT2020: 9,
}
UNSPECIFIED = 2
"""AVCOL_SPC_UNSPECIFIED."""

U8 = NDArray[np.uint8]


def draw_bars(width: int, height: int) -> U8:
    """Return the bars side by side: (H, W, 3) uint8, RGB."""
    return np.repeat(np.array(BARS, np.uint8)[None], width // len(BARS), axis=1).repeat(
        height, axis=0
    )


def encode_colour(rgb: tuple[int, int, int], colour: ColourSpace) -> tuple[int, int, int]:
    """Return Y, U and V of one colour."""
    planes = encode_planes(np.full((2, 2, 3), rgb, np.uint8), colour)
    return int(planes[0][0, 0]), int(planes[1][0, 0]), int(planes[2][0, 0])


def encode_planes(
    rgb: U8, colour: ColourSpace, *, subsampling: tuple[int, int] = (2, 2), bits: int = 8
) -> list[NDArray[np.generic]]:
    """Return Y, U and V of a picture.

    Args:
        rgb: (H, W, 3) uint8.
        colour: what the planes are to mean.
        subsampling: of chroma, horizontally and vertically.
        bits: of each value; above 8 the arrays are uint16.
    """
    kr, kb = KR_KB[colour.matrix]
    red, green, blue = np.moveaxis(rgb / 255.0, -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    most, step = (1 << bits) - 1, 1 << bits - 8
    if colour.is_full_range:
        planes = [luma * most, *(one * most + 128 * step for one in chroma)]
    else:
        planes = [(16 + 219 * luma) * step, *((128 + 224 * one) * step for one in chroma)]
    across, down = subsampling
    planes = [planes[0], *(plane[::down, ::across] for plane in planes[1:])]
    dtype = np.uint16 if bits > 8 else np.uint8
    return [np.clip(np.rint(plane), 0, most).astype(dtype) for plane in planes]


def write_bars(
    path: Path,
    colour: ColourSpace,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (128, 96),
    subsampling: tuple[int, int] = (2, 2),
    bits: int = 8,
    tagged: bool = True,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip of three pictures with the bars.

    Args:
        path: the clip; its suffix selects the container.
        colour: the colour space of the planes.
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the planes' layout.
        size: width and height, pixels.
        subsampling: of chroma, as `pixel_format` has it.
        bits: of each value, as `pixel_format` has it.
        tagged: whether the clip says what its planes mean.
        options: the encoder's options.
    """
    import av

    planes = encode_planes(draw_bars(*size), colour, subsampling=subsampling, bits=bits)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options or {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.thread_count = 1
        picture = av.VideoFrame(*size, pixel_format)
        for one in (stream.codec_context, picture):
            one.colorspace = AV_COLORSPACES[colour.matrix] if tagged else UNSPECIFIED
            one.color_range = (2 if colour.is_full_range else 1) if tagged else 0
        for plane, values in zip(picture.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
            rows[:, : values.shape[1]] = values
            plane.update(rows.tobytes())
        for count in range(3):
            picture.pts = count
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def to_rgb(frame: Frame) -> U8:
    """Return what a model of the frame's own size with RGB input gets of a frame: (H, W, 3) uint8."""
    tensor = TensorInfo(index=0, name="in", shape=(), dtype="uint8", scale=1.0, zero_point=0)
    spec = InputSpec(width=frame.width, height=frame.height, mean=(0.0,), std=(1.0,), tensor=tensor)
    return np.asarray(Encoder(spec)(frame).array[0], np.uint8)


def measure_bars(rgb: U8) -> NDArray[np.float64]:
    """Return the colour in the middle of each bar of a picture: (8, 3), RGB."""
    height, width = rgb.shape[:2]
    edges = np.arange(len(BARS)) * width // len(BARS)
    third = width // len(BARS) // 3
    middle = slice(height // 3, height * 2 // 3)
    return np.array(
        [rgb[middle, edge + third : edge + 2 * third].reshape(-1, 3).mean(axis=0) for edge in edges]
    )
