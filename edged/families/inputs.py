"""Functions of all families for a model's input: the check that it is a picture, and the scaling of its pixels."""

from edged.model.layouts import (
    MAX_SIDE_PX,
    MIN_SIDE_PX,
    find_picture_layout,
    is_picture_of_other_size,
)
from edged.types import Channels, FileMetadata, Fitting, InputSpec, ModelSignature, TensorInfo

_DTYPES = ("uint8", "int8", "int16", "float32")
_RANK = 4
"""Of [1, H, W, C]."""
_MAX_VALUE = 1e9
"""Largest mean, standard deviation or quantisation step of an input that is no damage."""


def image_input(
    signature: ModelSignature,
    *,
    fitting: Fitting,
    mean: float | tuple[float, ...],
    std: float | tuple[float, ...],
    channels: Channels = Channels.RGB,
) -> InputSpec | str:
    """Describe a model's only input as a picture.

    Args:
        signature: the model's signature.
        fitting: the fitting that the family is trained with.
        mean: the family's mean, pixel 0..255; one for each channel, or one for all.
        std: the family's standard deviation, likewise.
        channels: the family's order of channels; an input with one channel is gray in any case.

    Returns:
        The preparation of the input, or one clause that says why it is not a picture.
    """
    if len(signature.inputs) != 1:
        return f"it has {len(signature.inputs)} inputs instead of one picture"
    tensor = signature.inputs[0]
    if tensor.dtype not in _DTYPES:
        return f"its input is {tensor.dtype} instead of {', '.join(_DTYPES)}"
    if not 0.0 <= tensor.scale <= _MAX_VALUE:
        return f"its input's quantisation step {tensor.scale:g} is invalid"
    layout = find_picture_layout(tensor.shape)
    if layout is None:
        return _explain_no_picture(tensor.shape)
    height, width, depth, channels_first = layout
    normalisation = _normalisation(tensor, signature.metadata, _as_tuple(mean), _as_tuple(std))
    if not _are_usable(*normalisation, depth):
        return f"its metadata's normalisation {normalisation} does not fit {depth} channels"
    return InputSpec(
        tensor=tensor,
        width=width,
        height=height,
        channels=channels if depth == 3 else Channels.GRAY,  # noqa: PLR2004 - three colours
        channels_first=channels_first,
        fitting=fitting,
        mean=normalisation[0],
        std=normalisation[1],
    )


def _as_tuple(value: float | tuple[float, ...]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _explain_no_picture(shape: tuple[int, ...]) -> str:
    if len(shape) == _RANK and shape[0] > 1:
        return f"its input {list(shape)} takes {shape[0]} pictures at once: convert the model with a batch of 1"
    if is_picture_of_other_size(shape):
        return f"its input {list(shape)} is a picture with a side below {MIN_SIDE_PX} or above {MAX_SIDE_PX} px"
    return f"its input {list(shape)} is not a picture of a fixed size, [1, H, W, 3], [1, 3, H, W] or with 1 channel"


def _are_usable(mean: tuple[float, ...], std: tuple[float, ...], depth: int) -> bool:
    """Return whether a picture of `depth` channels can be normalised so; NaN is in no range."""
    return (
        {len(mean), len(std)} <= {1, depth}
        and all(abs(value) <= _MAX_VALUE for value in mean)
        and all(1 / _MAX_VALUE <= abs(value) <= _MAX_VALUE for value in std)
    )


def _normalisation(
    tensor: TensorInfo, metadata: FileMetadata, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation for the first of these cases that applies.

    - uint8: the value is the pixel. Converters give a uint8 input the scale of the 0..255 range, and TensorFlow's Task
      Library passes pixels unchanged, whatever the metadata says.
    - the mean and standard deviation of the file's metadata (NormalizationOptions);
    - int8: the pixel minus 128, because the converter calibrated its scale on the same range;
    - the family's own mean and standard deviation.
    """
    # (pixel - mean) / std = (q - zero_point) * scale, with q = pixel for uint8 and q = pixel - 128 for int8.
    scale = tensor.scale or 1.0
    if tensor.dtype == "uint8":
        return (float(tensor.zero_point),), (1.0 / scale,)
    if metadata.mean and metadata.std:
        return metadata.mean, metadata.std
    if tensor.dtype == "int8":
        return (float(tensor.zero_point + 128),), (1.0 / scale,)
    return mean, std
