"""The packages' descriptions of tensors and operators, as edged's own types."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edged.types import OpInfo, TensorInfo


def read_tensor(entry: Mapping[str, Any]) -> TensorInfo:
    """Return the description of a tensor."""
    scale, zero_point = entry["quantization"]
    return TensorInfo(
        index=int(entry["index"]),
        name=str(entry["name"]),
        shape=_read_shape(entry),
        dtype=np.dtype(entry["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _read_shape(entry: Mapping[str, Any]) -> tuple[int, ...]:
    """Return a tensor's shape, with -1 for a side that the runtime set to 1 because the file leaves it open."""
    sides = zip(entry["shape"], entry["shape_signature"], strict=False)
    shape = tuple(-1 if (side, own) == (1, -1) else int(side) for side, own in sides)
    # An open batch is one picture.
    return (1, *shape[1:]) if shape[:1] == (-1,) else shape


def read_op(entry: Mapping[str, Any]) -> OpInfo:
    """Return the description of an operator."""
    return OpInfo(
        name=str(entry["op_name"]),
        inputs=tuple(int(index) for index in entry["inputs"]),
        outputs=tuple(int(index) for index in entry["outputs"]),
    )
