"""Fixed input shapes: a model on a device has one input size."""

from collections.abc import Sequence
from typing import Any

from edged_models.errors import SourceError
from edged_models.tensorflow import tf

INPUT_NAME = "image"
"""The input's name in the .tflite."""
_CHANNEL_COUNTS = (1, 3)


def fix_input_shape(
    shape: Sequence[int | None], dtype: Any, *, name: str, side_px: int | None
) -> tf.TensorSpec:
    """Return the input of one picture with a fixed size.

    Args:
        shape: the input's shape; None for a variable dimension.
        dtype: type of the input.
        name: the source's, for messages.
        side_px: height and width, if they are variable.

    Raises:
        SourceError: height or width is variable and `side_px` is None, or `side_px` differs from a fixed size.
    """
    declared = tuple(shape)
    described = f"{name}'s input {_format_shape(declared)}"
    if len(declared) != 4 or declared[0] not in (None, 1):  # noqa: PLR2004  # batch, height, width, channels
        raise SourceError(f"{described} is not a single picture [1, height, width, channels]")
    channels_first = declared[1] in _CHANNEL_COUNTS and declared[3] not in _CHANNEL_COUNTS
    sizes = [1, *declared[1:]]
    for axis in (2, 3) if channels_first else (1, 2):
        if sizes[axis] is None and side_px is None:
            raise SourceError(f"{described} has a variable size: set it with --side")
        sizes[axis] = sizes[axis] or side_px
        if side_px is not None and sizes[axis] != side_px:
            raise SourceError(f"{described} has a fixed size: omit --side")
    if None in sizes:
        raise SourceError(f"{described} has an unknown number of channels")
    return tf.TensorSpec(sizes, dtype, INPUT_NAME)


def _format_shape(sizes: Sequence[int | None]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in sizes)}]"
