"""Conversion of a frame of any pixel format to a picture of another size and channel order.

The frame is resized first, and then the colours of the smaller picture are converted: converting 1080p before the resize costs three times
as much as both in this order. The resize is linear; area averaging costs 5 to 20 times as much.

Y, U and V are each resized to the size of the result, and then one multiplication by a 3 x 4 matrix converts them: chroma that is resized
to half of that size only, as OpenCV's conversion of YUV420P takes it, costs a tenth less and moves boxes by up to 8 % (measured on the bundled model).
A frame of the result's size is converted by OpenCV if its colours are limited-range BT.601, the only ones that OpenCV knows.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.colour import make_conversion
from edged.types import LIMITED_BT601, Channels, Frame, PixelFormat

Pixels = NDArray[np.uint8]

_CONVERSIONS = {
    (PixelFormat.BGR24, Channels.RGB): cv2.COLOR_BGR2RGB,
    (PixelFormat.BGR24, Channels.GRAY): cv2.COLOR_BGR2GRAY,
    (PixelFormat.RGB24, Channels.BGR): cv2.COLOR_RGB2BGR,
    (PixelFormat.RGB24, Channels.GRAY): cv2.COLOR_RGB2GRAY,
    (PixelFormat.GRAY8, Channels.RGB): cv2.COLOR_GRAY2RGB,
    (PixelFormat.GRAY8, Channels.BGR): cv2.COLOR_GRAY2BGR,
    (PixelFormat.YUV420P, Channels.RGB): cv2.COLOR_YUV2RGB_I420,
    (PixelFormat.YUV420P, Channels.BGR): cv2.COLOR_YUV2BGR_I420,
}
_COLUMN_STEP = 32
"""OpenCV's widest vectors convert so many pixels of YUV420P at once; it converts what is left of each row one by one."""
# Luma of the limited range spans 16..235, a gray picture 0..255.
_FULL_RANGE = np.clip((np.arange(256) - 16) * (255 / 219), 0, 255).round().astype(np.uint8)


class Crop(NamedTuple):
    """A part of a frame, in pixels; all four are even, so that the planes of YUV420P have the same part."""

    x: int
    y: int
    width: int
    height: int


class FrameConverter:
    """Converts frames to pictures of one channel order. It keeps its scratch memory, so one thread may use it."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._scratch: dict[str, Pixels] = {}

    def convert(self, frame: Frame, target: Pixels, crop: Crop | None = None) -> None:
        """Fill `target` with a frame or a part of it, stretched.

        Args:
            frame: a frame of any pixel format.
            target: (H, W, 3) uint8, or (H, W) uint8 for gray; its rows may be padded.
            crop: the part; None for the whole frame.

        Raises:
            ValueError: the frame's pixels do not have the layout that its format requires.
        """
        if frame.format is PixelFormat.YUV420P:
            self._convert_planar(frame, target, crop)
        else:
            self._convert_packed(frame, target, crop)

    def _convert_packed(self, frame: Frame, target: Pixels, crop: Crop | None) -> None:
        height, width = frame.stored_height, frame.stored_width
        source = frame.pixels[:height, :width]
        depth = () if frame.format is PixelFormat.GRAY8 else (3,)
        if source.shape != (height, width, *depth):
            raise _make_layout_error(frame)
        if crop is not None:
            source = _cut(source, crop)
        conversion = _CONVERSIONS.get((frame.format, self._channels))
        if conversion is None:
            _resize(source, target)
            return
        if source.shape[:2] != target.shape[:2]:
            small = self._get_buffer("packed", (*target.shape[:2], *depth))
            _resize(source, small)
            source = small
        cv2.cvtColor(source, conversion, dst=target)

    def _convert_planar(self, frame: Frame, target: Pixels, crop: Crop | None) -> None:
        planes = split_planes(frame)
        if crop is not None:
            half = Crop(*(side // 2 for side in crop))
            planes = _cut(planes[0], crop), _cut(planes[1], half), _cut(planes[2], half)
        if self._channels is Channels.GRAY:
            _resize(planes[0], target)
            if not frame.colour.is_full_range:
                cv2.LUT(target, _FULL_RANGE, dst=target)
        elif frame.colour == LIMITED_BT601 and _is_even_size(planes[0], target):
            self._convert_as_i420(frame, planes, target)
        else:
            self._convert_by_matrix(frame, planes, target)

    def _convert_as_i420(
        self, frame: Frame, planes: tuple[Pixels, Pixels, Pixels], target: Pixels
    ) -> None:
        height, width = target.shape[:2]
        conversion = _CONVERSIONS[frame.format, self._channels]
        columns = -(-width // _COLUMN_STEP) * _COLUMN_STEP
        is_whole = planes[0].shape == (frame.stored_height, frame.stored_width)
        if is_whole and columns == width and frame.pixels.shape == (height * 3 // 2, width):
            cv2.cvtColor(frame.pixels, conversion, dst=target)
            return
        whole = self._get_buffer("planar", (height * 3 // 2, columns))
        whole[:height, :width] = planes[0]
        halves = whole[height:].reshape(2, height // 2, columns // 2)
        halves[0, :, : width // 2], halves[1, :, : width // 2] = planes[1:]
        if columns == width:
            cv2.cvtColor(whole, conversion, dst=target)
            return
        converted = self._get_buffer("converted", (height, columns, 3))
        cv2.cvtColor(whole, conversion, dst=converted)
        target[:] = converted[:, :width]

    def _convert_by_matrix(
        self, frame: Frame, planes: tuple[Pixels, Pixels, Pixels], target: Pixels
    ) -> None:
        height, width = target.shape[:2]
        small = self._get_buffer("planes", (3, height, width))
        for plane, resized in zip(planes, small, strict=True):
            _resize(plane, resized)
        packed = self._get_buffer("yuv", (height, width, 3))
        cv2.merge(list(small), dst=packed)
        cv2.transform(packed, make_conversion(frame.colour, self._channels), dst=target)

    def _get_buffer(self, purpose: str, shape: tuple[int, ...]) -> Pixels:
        buffer = self._scratch.get(purpose)
        if buffer is None or buffer.shape != shape:
            buffer = self._scratch[purpose] = np.empty(shape, np.uint8)
        return buffer


def split_planes(frame: Frame) -> tuple[Pixels, Pixels, Pixels]:
    """Return the planes of a YUV420P frame without their padding; views where the memory layout allows.

    Returns:
        Y, (H, W) uint8, then U and V, each ((H + 1) // 2, (W + 1) // 2) uint8.

    Raises:
        ValueError: the frame's pixels do not have the layout that its format requires.
    """
    pixels, width, height = frame.pixels, frame.stored_width, frame.stored_height
    if pixels.ndim != 2 or pixels.shape[1] < width or pixels.shape[1] % 2:  # noqa: PLR2004 - rows, columns
        raise _make_layout_error(frame)
    half = pixels.shape[1] // 2
    rows = pixels.shape[0] - height
    if rows not in (height // 2, (height + 1) // 2):
        raise _make_layout_error(frame)
    chroma = pixels[height:].reshape(2, rows, half)[:, :, : (width + 1) // 2]
    return pixels[:height, :width], chroma[0], chroma[1]


def _cut(picture: Pixels, crop: Crop) -> Pixels:
    return picture[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]


def _is_even_size(luma: Pixels, target: Pixels) -> bool:
    """Return whether both have the same size, and its sides are even, as those of an I420 picture of OpenCV."""
    height, width = luma.shape
    return luma.shape == target.shape[:2] and not (height | width) & 1


def _resize(source: Pixels, target: Pixels) -> None:
    cv2.resize(
        source, (target.shape[1], target.shape[0]), dst=target, interpolation=cv2.INTER_LINEAR
    )


def _make_layout_error(frame: Frame) -> ValueError:
    return ValueError(
        f"camera {frame.camera}: pixels of shape {frame.pixels.shape} do not fit a {frame.stored_width}x{frame.stored_height} {frame.format} frame"
    )
