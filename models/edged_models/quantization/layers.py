"""Layers of a float .tflite: its ops, by the names of their outputs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edged_models.conversion.tflite_model import FLOATS, TfliteModel
from edged_models.errors import SourceError

_MAX_NAMES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An op that computes floats.

    Attributes:
        name: name of its first output.
        scope: names of all its outputs, joined by ``;``.
        op: its kind, as ``CONV_2D``.
        weight_bytes: size of its float constants.
        makes_output: whether it computes an output of the model.
    """

    name: str
    scope: str
    op: str
    weight_bytes: int
    makes_output: bool


def list_layers(model: TfliteModel) -> tuple[Layer, ...]:
    """Return the ops of a float model that compute floats, in the order of execution; custom ops are none."""
    return tuple(
        Layer(
            name=model.tensors[op.outputs[0]].name,
            scope=";".join(tensor.name for tensor in model.get_tensors(op.outputs)),
            op=op.name,
            weight_bytes=sum(
                tensor.stored_bytes
                for tensor in model.get_tensors(op.inputs)
                if tensor.is_constant and tensor.dtype in FLOATS
            ),
            makes_output=any(index in model.outputs for index in op.outputs),
        )
        for op in model.ops
        if op.outputs and not op.is_custom and model.tensors[op.outputs[0]].dtype in FLOATS
    )


def select_layers(
    layers: Sequence[Layer], *, patterns: Sequence[str] = (), ops: Sequence[str] = ()
) -> frozenset[str]:
    """Return the names of the layers that match a pattern or are of a kind.

    Args:
        layers: all layers.
        patterns: regular expressions that are searched in the names.
        ops: kinds of ops, in any case.

    Raises:
        SourceError: a pattern is invalid, or a pattern or kind matches no layer.
    """
    selected: set[str] = set()
    for pattern in patterns:
        selected |= _match_pattern(layers, pattern)
    for op in ops:
        selected |= _match_op(layers, op)
    return frozenset(selected)


def _match_pattern(layers: Sequence[Layer], pattern: str) -> set[str]:
    try:
        matching = {one.name for one in layers if re.search(pattern, one.name)}
    except re.error as error:
        raise SourceError(f"{pattern!r} is no regular expression: {error}") from error
    if not matching:
        names = ", ".join(one.name for one in layers[-_MAX_NAMES:])
        raise SourceError(
            f"no layer matches {pattern!r}; the last of {len(layers)} are {names}; --sensitivity lists all"
        )
    return matching


def _match_op(layers: Sequence[Layer], op: str) -> set[str]:
    matching = {one.name for one in layers if one.op == op.upper()}
    if not matching:
        kinds = ", ".join(sorted({one.op for one in layers}))
        raise SourceError(f"the model has no {op}: it has {kinds}")
    return matching
