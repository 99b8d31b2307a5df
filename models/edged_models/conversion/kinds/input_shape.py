"""An input's shape with nothing left open: what runs on a device has one size."""

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
    """One picture of a fixed size.

    Args:
        shape: as the source declares it, None where open.
        dtype: of the same.
        name: the source's, for messages.
        side_px: for what is open of height and width.

    Raises:
        SourceError: height or width is open and `side_px` is None, or `side_px` is not what the source wants.
    """
    sizes = tuple(shape)
    if len(sizes) != 4 or sizes[0] not in (None, 1):  # noqa: PLR2004  # batch, height, width, channels
        raise SourceError(
            f"{name}'s input {_format_shape(sizes)} is no single picture [1, height, width, channels]"
        )
    first = sizes[1] in _CHANNEL_COUNTS and sizes[3] not in _CHANNEL_COUNTS
    places = (2, 3) if first else (1, 2)
    filled = [1, *sizes[1:]]
    for place in places:
        if filled[place] is None and side_px is None:
            raise SourceError(
                f"{name}'s input {_format_shape(sizes)} is open: say how large with --side"
            )
        filled[place] = filled[place] or side_px
        if side_px is not None and filled[place] != side_px:
            raise SourceError(
                f"{name}'s input {_format_shape(sizes)} is not open: leave --side away"
            )
    if None in filled:
        raise SourceError(
            f"{name}'s input {_format_shape(sizes)} has an unknown number of channels"
        )
    return tf.TensorSpec(filled, dtype, INPUT_NAME)


def _format_shape(sizes: Sequence[int | None]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in sizes)}]"
