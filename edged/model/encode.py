"""Conversion of a frame to a model's input tensor: fit, colours, values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.model.picture import Crop, FrameConverter, Pixels
from edged.model.tensor_values import choose_writer, flip_sign, is_shifted_copy, make_value_table
from edged.types import Channels, Fit, Fitting, Frame, InputSpec, Tensor


class Encoder:
    """Makes the input tensors of one model. It reuses its memory: a tensor is valid until the next call, and one thread may call."""

    def __init__(self, spec: InputSpec, memory: NDArray[Any] | None = None) -> None:
        """Prepare the memory.

        Args:
            spec: the model's input.
            memory: where to write the tensor: the input's shape and dtype, contiguous; None for memory of its own.

        Raises:
            ValueError: the memory has another shape or dtype.
        """
        gray = spec.channels is Channels.GRAY
        sides, depth = (spec.height, spec.width), 1 if gray else 3
        shape = (1, depth, *sides) if spec.channels_first else (1, *sides, depth)
        self._spec = spec
        self._converter = FrameConverter(spec.channels)
        self._array = np.zeros(shape, spec.tensor.dtype) if memory is None else memory
        if self._array.shape != shape or self._array.dtype != np.dtype(spec.tensor.dtype):
            raise ValueError(
                f"memory of {self._array.dtype} {self._array.shape} for a tensor of {spec.tensor.dtype} {shape}"
            )
        self._values = self._array.reshape(sides) if gray else self._array[0]
        table = make_value_table(spec)
        self._write = None
        # If pixels are tensor values already, up to their top bit, they are written directly into the tensor.
        if is_shifted_copy(table) and (gray or not spec.channels_first):
            self._picture: Pixels = self._values.view(np.uint8)
        else:
            self._picture = np.empty(sides if gray else (*sides, depth), np.uint8)
            self._write = choose_writer(spec, table)
        self._is_flipped = self._write is None and spec.tensor.dtype == "int8"
        self._frame_size = (0, 0)
        self._target, self._target_values, self._fit = self._picture, self._values, Fit()

    def __call__(self, frame: Frame, crop: Crop | None = None) -> Tensor:
        """Fill the input tensor from one frame, or from a part of it, to which `Tensor.fit` then refers.

        Raises:
            ValueError: the frame's pixels do not have the layout that its format requires.
        """
        size = (frame.width, frame.height) if crop is None else (crop.width, crop.height)
        if size != self._frame_size:
            self._paint_padding(*size)
        self._converter.convert(frame, self._target, crop)
        if self._is_flipped:
            flip_sign(self._target_values)
        elif self._write is not None:
            self._write(self._target, self._target_values)
        return Tensor(self._array, self._fit)

    def _paint_padding(self, width: int, height: int) -> None:
        """Fill the tensor with the padding; frames of this size, in pixels, then change only their own part of it."""
        (x, y, inner_width, inner_height), self._fit = fit_frame(self._spec, width, height)
        self._picture[:] = self._spec.pad
        if self._is_flipped:
            flip_sign(self._values)
        elif self._write is not None:
            self._write(self._picture, self._values)
        part = slice(y, y + inner_height), slice(x, x + inner_width)
        self._target = self._picture[part]
        is_planar = self._values.shape[:2] != self._picture.shape[:2]
        self._target_values = self._values[:, *part] if is_planar else self._values[part]
        self._frame_size = (width, height)


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
