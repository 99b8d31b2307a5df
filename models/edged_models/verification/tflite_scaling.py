"""The scaling of pixels in the graph of a .tflite. The file is read, never run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.flatbuffer import damage_as_source_error, unpack_model
from edged_models.verification.input_scaling import InputScaling, ScalingStep, combine_steps

_Op = schema.BuiltinOperator
_PASSING = {
    _Op.CAST, _Op.RESHAPE, _Op.STRIDED_SLICE, _Op.REVERSE_V2, _Op.TRANSPOSE, _Op.PAD, _Op.PADV2, _Op.QUANTIZE,
    _Op.DEQUANTIZE, _Op.RESIZE_BILINEAR, _Op.RESIZE_NEAREST_NEIGHBOR, _Op.EXPAND_DIMS, _Op.GATHER,
}  # fmt: skip
"""Ops that move values and do not change them."""
_ARITHMETIC = {_Op.MUL: "MUL", _Op.ADD: "ADD", _Op.SUB: "SUB", _Op.DIV: "DIV"}
_CHANNEL_COUNTS = (1, 3)


def find_tflite_scaling(model: bytes, name: str) -> InputScaling | None:
    """Find how a .tflite scales its input itself; None if it does not.

    Args:
        model: the .tflite, with float weights.
        name: the model's, for messages.

    Raises:
        SourceError: the model is damaged.
    """
    content, _ = split_associated_files(model, name)
    tree = unpack_model(content, name)
    with damage_as_source_error(name):
        return combine_steps(list(_walk(tree)))


def _walk(tree: schema.ModelT) -> Iterator[ScalingStep]:
    graph = tree.subgraphs[0]
    tensor = int(graph.inputs[0])
    while True:
        readers = [op for op in graph.operators or [] if tensor in {int(i) for i in op.inputs}]
        if len(readers) != 1:
            return
        (op,) = readers
        code = tree.operatorCodes[op.opcodeIndex]
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        if builtin in _ARITHMETIC:
            step = _read_step(tree, op, tensor, _ARITHMETIC[builtin])
            if step is None:
                return
            yield step
        elif builtin not in _PASSING:
            return
        tensor = int(op.outputs[0])


def _read_step(tree: schema.ModelT, op: Any, tensor: int, kind: str) -> ScalingStep | None:
    left, right = (int(index) for index in op.inputs[:2])
    constant = _read_constant(tree, right if left == tensor else left)
    return None if constant is None else make_step(kind, constant, is_left=left == tensor)


def _read_constant(tree: schema.ModelT, index: int) -> NDArray[np.float64] | None:
    tensor = tree.subgraphs[0].tensors[index]
    data = tree.buffers[tensor.buffer].data
    if data is None or tensor.type != schema.TensorType.FLOAT32:
        return None
    return np.frombuffer(bytes(bytearray(data)), np.float32).astype(np.float64)


def make_step(kind: str, constant: NDArray[np.float64], *, is_left: bool) -> ScalingStep | None:
    """Return the step of an arithmetic op with a constant; None if it is none, or not one value for each channel.

    Args:
        kind: ``MUL``, ``ADD``, ``SUB`` or ``DIV``.
        constant: any shape, float64.
        is_left: whether the input is the op's left operand.
    """
    values = constant.reshape(-1)
    if values.size not in _CHANNEL_COUNTS:
        return None
    zeros, ones = np.zeros(1), np.ones(1)
    match kind:
        case "MUL":
            scale, offset = values, zeros
        case "ADD":
            scale, offset = ones, values
        case "SUB":
            scale, offset = (ones, -values) if is_left else (-ones, values)
        case "DIV" if is_left and values.all():
            scale, offset = 1 / values, zeros
        case _:
            return None
    return ScalingStep(op=kind, scale=scale, offset=offset)
