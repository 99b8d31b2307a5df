"""The check that outputs are what the model's signature says, before a family reads them."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.types import TensorInfo

_NUMBERS = "fiu"
"""Kinds of numpy dtypes that are real numbers."""


def check_outputs(
    outputs: Sequence[NDArray[np.generic]],
    tensors: Sequence[TensorInfo],
    *,
    is_resized: bool = False,
) -> tuple[NDArray[np.generic], ...]:
    """Return the outputs if each is an array of numbers of its tensor's shape: a graph can give another shape at run time.

    Args:
        outputs: what `Interpreter.invoke` returned, any shape, any dtype.
        tensors: the model's outputs in the same order, as the family recognised them.
        is_resized: the graph may give other shapes than the signature has.

    Raises:
        ModelError: an output has another shape, holds no numbers, or its quantisation is invalid.
    """
    if len(outputs) != len(tensors):
        raise ModelError(f"the model gave {len(outputs)} outputs instead of {len(tensors)}")
    for output, tensor in zip(outputs, tensors, strict=True):
        if output.shape != tensor.shape and not is_resized:
            raise ModelError(
                f"the model's output {tensor.name!r} has the shape {list(output.shape)} instead of {list(tensor.shape)}"
            )
        if output.dtype.kind not in _NUMBERS or not (
            isfinite(tensor.scale) and tensor.scale >= 0.0
        ):
            raise ModelError(
                f"the model's output {tensor.name!r} holds no numbers: {output.dtype}, scale {tensor.scale:g}"
            )
    return tuple(outputs)
