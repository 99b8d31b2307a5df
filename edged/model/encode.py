"""Conversion of a frame to a model's input tensor: fit, colours, values."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.picture import FrameConverter, Pixels
from edged.types import Channels, Fit, Fitting, Frame, InputSpec, Tensor

_SIGN_BIT = np.uint8(0x80)
_MAX_LSB_ERROR = 1.5
"""Quantised values this close to the pixel values, in the whole table, equal them: the difference is the converter's rounding."""


class Encoder:
    """Makes the input tensors of one model. It reuses its memory: a tensor is valid until the next call, and one thread may call."""

    def __init__(self, spec: InputSpec) -> None:
        gray = spec.channels is Channels.GRAY
        sides, depth = (spec.height, spec.width), 1 if gray else 3
        shape = (depth, *sides) if spec.channels_first else (*sides, depth)
        self._spec = spec
        self._converter = FrameConverter(spec.channels)
        self._table = make_value_table(spec)
        self._is_raw_copy = _is_raw(self._table) and not spec.channels_first
        self._array = np.zeros((1, *shape), spec.tensor.dtype)
        self._picture: Pixels = np.empty(sides if gray else (*sides, depth), np.uint8)
        # If pixels are tensor values already, they are written directly into the tensor.
        self._is_direct = self._is_raw_copy and spec.tensor.dtype == "uint8"
        if self._is_direct:
            self._picture = self._array.reshape(self._picture.shape)
        self._frame_size = (0, 0)
        self._target, self._fit = self._picture, Fit()

    def __call__(self, frame: Frame) -> Tensor:
        """Fill the input tensor from one frame.

        Raises:
            ValueError: the frame's pixels do not have the layout that its format requires.
        """
        if (frame.width, frame.height) != self._frame_size:
            (x, y, width, height), self._fit = fit_frame(self._spec, frame.width, frame.height)
            self._picture[:] = self._spec.pad
            self._target = self._picture[y : y + height, x : x + width]
            self._frame_size = (frame.width, frame.height)
        self._converter.convert(frame, self._target)
        if not self._is_direct:
            self._set_values()
        return Tensor(self._array, self._fit)

    def _set_values(self) -> None:
        if self._is_raw_copy:
            # Subtracting 128 flips the pixel's top bit, which is many times faster than a table lookup.
            flipped = self._array.view(np.uint8).reshape(self._picture.shape)
            np.bitwise_xor(self._picture, _SIGN_BIT, out=flipped)
        elif self._spec.channels_first and self._picture.ndim == 3:  # noqa: PLR2004 - has channels
            tables = np.broadcast_to(self._table, (1, 256, 3))
            for channel, target in enumerate(self._array[0]):
                plane = cv2.extractChannel(self._picture, channel)
                cv2.LUT(plane, np.ascontiguousarray(tables[:, :, channel]), dst=target)
        else:
            cv2.LUT(self._picture, self._table, dst=self._array.reshape(self._picture.shape))


def fit_frame(spec: InputSpec, width: int, height: int) -> tuple[tuple[int, int, int, int], Fit]:
    """Compute where a frame lies in a model's input.

    Letterboxed sides are rounded to even pixels, as planar formats require; the `Fit` is exact nevertheless.

    Args:
        spec: the model's input.
        width: width of the frame in pixels.
        height: height of the frame in pixels.

    Returns:
        x, y, width and height in pixels of the input, and the same as a `Fit`.
    """
    if spec.fitting is Fitting.STRETCH:
        return (0, 0, spec.width, spec.height), Fit()
    ratio = min(spec.width / width, spec.height / height)
    inner_width = min(spec.width, max(2, 2 * round(width * ratio / 2)))
    inner_height = min(spec.height, max(2, 2 * round(height * ratio / 2)))
    x = y = 0
    if spec.fitting is Fitting.LETTERBOX:
        x, y = (spec.width - inner_width) // 2, (spec.height - inner_height) // 2
    fit = Fit(inner_width / spec.width, inner_height / spec.height, x / spec.width, y / spec.height)
    return (x, y, inner_width, inner_height), fit


def make_value_table(spec: InputSpec) -> NDArray[Any]:
    """Compute the tensor value of each pixel value: ``(pixel - mean) / std``, then quantised.

    Returns:
        (1, 256, C), dtype of the model's input (uint8, int8, int16 or float32); C is 1 if all channels are scaled alike.
    """
    pixels = np.arange(256, dtype=np.float64)[:, None]
    values = (pixels - np.asarray(spec.mean)) / np.asarray(spec.std)
    if np.dtype(spec.tensor.dtype).kind != "f":
        limits = np.iinfo(spec.tensor.dtype)
        values = np.rint(values / (spec.tensor.scale or 1.0) + spec.tensor.zero_point)
        values = np.clip(values, limits.min, limits.max)
    return np.asarray(values.astype(spec.tensor.dtype)[None])


def _is_raw(table: NDArray[Any]) -> bool:
    """Return whether an 8-bit table only copies pixels, or shifts them by 128."""
    if table.dtype.itemsize != 1:
        return False
    pixels = np.arange(256)[None, :, None] + np.iinfo(table.dtype).min
    return bool((np.abs(table - pixels) <= _MAX_LSB_ERROR).all())
