"""From the pixels of a picture to the values of a tensor: normalised, quantised, and in the tensor's order of axes.

There are 256 values for each channel, so a table holds them all. What is faster than looking up each pixel is used where it gives the
same values to the last bit: a copy, a flip of the top bit, or two arithmetic steps.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.types import Channels, InputSpec

Pixels = NDArray[np.uint8]
WriteValues = Callable[[Pixels, NDArray[Any]], None]
"""Fills values (H, W, C) or (C, H, W) from pixels (H, W, C), or both (H, W) if gray; also views of a part of a picture."""

_SIGN_BIT = np.uint8(0x80)
_MAX_LSB_ERROR = 1.5
"""Quantised values this close to the pixel values, in the whole table, equal them: the difference is the converter's rounding."""


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


def is_shifted_copy(table: NDArray[Any]) -> bool:
    """Return whether a table, (1, 256, C) of any dtype, has 8 bits and only copies pixels, or shifts them by 128."""
    if table.dtype.itemsize != 1:
        return False
    pixels = np.arange(256)[None, :, None] + np.iinfo(table.dtype).min
    return bool((np.abs(table - pixels) <= _MAX_LSB_ERROR).all())


def flip_sign(values: NDArray[np.int8]) -> None:
    """Subtract 128 in place from pixels that were written into the memory of int8 values: (H, W, C) or (H, W) int8."""
    pixels = values.view(np.uint8)
    # It flips the pixel's top bit, which is many times faster than a table lookup.
    np.bitwise_xor(pixels, _SIGN_BIT, out=pixels)


def choose_writer(spec: InputSpec, table: NDArray[Any]) -> WriteValues:
    """Return the fastest way to write the values of a table, (1, 256, C) of any dtype, that is no shifted copy."""
    means, stds, depth = spec.mean, spec.std, table.shape[2]
    if not spec.channels_first or spec.channels is Channels.GRAY:
        return _choose_plane_writer(table, means, stds)
    writers = [
        _choose_plane_writer(
            np.ascontiguousarray(table[:, :, channel % depth, None]),
            (means[channel % len(means)],),
            (stds[channel % len(stds)],),
        )
        for channel in range(3)
    ]
    plane: Pixels = np.empty((spec.height, spec.width), np.uint8)

    def write_planes(pixels: Pixels, values: NDArray[Any]) -> None:
        height, width = pixels.shape[:2]
        for channel, write in enumerate(writers):
            cv2.extractChannel(pixels, channel, dst=plane[:height, :width])
            write(plane[:height, :width], values[channel])

    return write_planes


def _choose_plane_writer(
    table: NDArray[Any], means: tuple[float, ...], stds: tuple[float, ...]
) -> WriteValues:
    if table.dtype == np.float32 and len(means) == len(stds) == 1:
        mean, std = np.float32(means[0]), np.float32(stds[0])
        pixels = np.arange(256, dtype=np.float32)
        if np.array_equal((pixels - mean) / std, table[0, :, 0]):
            return _make_arithmetic(mean, std)

    def read_table(pixels: Pixels, values: NDArray[Any]) -> None:
        cv2.LUT(pixels, table, dst=values)

    return read_table


def _make_arithmetic(mean: np.float32, std: np.float32) -> WriteValues:
    def divide(pixels: Pixels, values: NDArray[Any]) -> None:
        np.divide(pixels, std, out=values, dtype=np.float32)

    def subtract_and_divide(pixels: Pixels, values: NDArray[Any]) -> None:
        np.subtract(pixels, mean, out=values, dtype=np.float32)
        np.divide(values, std, out=values)

    return subtract_and_divide if mean else divide
