"""Clustered kernels in quantised models: their weights share few values, and should after rounding to 8 bits as well.

The converter gives each channel of a kernel a scale of its own, and so every shared value as many codes as there are channels. One
scale for all channels keeps them, and holds the values exactly if they are multiples of the largest magnitude / 127.
"""

from collections import Counter
from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged_models.conversion.flatbuffer import pack_model, unpack_model

F32 = NDArray[np.float32]

_OPS = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
    schema.BuiltinOperator.TRANSPOSE_CONV,
)
_WEIGHTS_INPUT, _BIAS_INPUT = 1, 2
_BIAS_INPUTS = {schema.BuiltinOperator.TRANSPOSE_CONV: 3}
_INT8_MAX = 127
_MAX_VALUES = 256
_MIN_USES = 2
"""Values that are shared on average by fewer weights are not clusters."""
_ROUNDING = 0.51
_BIAS_TYPES = {schema.TensorType.INT32: np.int32, schema.TensorType.INT64: np.int64}


def share_kernel_scales(quantized: bytes, plain: bytes) -> bytes:
    """Return a quantised model whose clustered kernels have one scale for all channels; without any, the model itself.

    Args:
        quantized: the model with int8 weights, without metadata.
        plain: the float32 model from which it was made.
    """
    clustered = list(_iterate_clustered(unpack_model(plain)))
    if not clustered:
        return quantized
    tree = unpack_model(quantized)
    changed = False
    for graph in tree.subgraphs:
        factors: dict[int, F32] = {}
        for op in graph.operators:
            if tree.operatorCodes[op.opcodeIndex].builtinCode in _OPS:
                _requantize_once(tree, graph.tensors, op.inputs[_WEIGHTS_INPUT], clustered, factors)
        uses = Counter(index for op in graph.operators for index in op.inputs)
        for op in graph.operators:
            found = factors.get(op.inputs[_WEIGHTS_INPUT]) if len(op.inputs) > 1 else None
            if found is not None:
                _rescale_bias(tree, graph, op, found, uses)
        changed |= bool(factors)
    return pack_model(tree) if changed else quantized


def is_clustered(values: F32) -> bool:
    """Return whether a kernel of any shape, float32, has few values that its weights share."""
    distinct = len(np.unique(values))
    return distinct <= _MAX_VALUES and distinct * _MIN_USES < np.count_nonzero(values)


def _iterate_clustered(tree: schema.ModelT) -> Iterator[F32]:
    """Yield the clustered kernels of a float32 model."""
    for graph in tree.subgraphs:
        for op in graph.operators:
            if tree.operatorCodes[op.opcodeIndex].builtinCode not in _OPS:
                continue
            tensor = graph.tensors[op.inputs[_WEIGHTS_INPUT]]
            data = tree.buffers[tensor.buffer].data
            if tensor.type == schema.TensorType.FLOAT32 and data is not None and len(data):
                values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32)
                if is_clustered(values):
                    yield values.reshape(tuple(tensor.shape))


def _requantize_once(
    tree: schema.ModelT,
    tensors: list[schema.TensorT],
    index: int,
    clustered: list[F32],
    factors: dict[int, F32],
) -> None:
    """Give a kernel one scale if it is clustered, and note by what the scales of its channels grew."""
    found = None if index in factors else _find_values(tree, tensors[index], clustered)
    if found is not None:
        factors[index] = _requantize(tree, tensors[index], found)


def _find_values(tree: schema.ModelT, tensor: schema.TensorT, clustered: list[F32]) -> F32 | None:
    """Return the clustered kernel that was rounded to this one; None if there is none, or it has one scale already."""
    scaling = tensor.quantization
    data = tree.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.INT8 or data is None or scaling is None:
        return None
    scale = np.asarray(scaling.scale, np.float32)
    if scale.size < 2:  # noqa: PLR2004  # one scale
        return None
    codes = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.int8)
    codes = codes.reshape(tuple(tensor.shape))
    shape = [1] * codes.ndim
    shape[scaling.quantizedDimension] = scale.size
    step = scale.reshape(shape)
    for values in clustered:
        if values.shape == codes.shape and np.all(abs(codes * step - values) <= _ROUNDING * step):
            return values
    return None


def _requantize(tree: schema.ModelT, tensor: schema.TensorT, values: F32) -> F32:
    """Round a kernel with one scale, and return by what the scale of each channel grew, (channels,) float32."""
    scaling = tensor.quantization
    old = np.asarray(scaling.scale, np.float32)
    scale = np.float32(np.abs(values).max() / _INT8_MAX)
    codes = np.clip(np.round(values / scale), -_INT8_MAX, _INT8_MAX).astype(np.int8)
    _store(tree, tensor, codes)
    scaling.scale = [float(scale)] * old.size
    return np.asarray(scale / old, np.float32)


def _rescale_bias(
    tree: schema.ModelT, graph: schema.SubGraphT, op: schema.OperatorT, factors: F32, uses: Counter
) -> None:
    code = tree.operatorCodes[op.opcodeIndex].builtinCode
    position = _BIAS_INPUTS.get(code, _BIAS_INPUT)
    if len(op.inputs) <= position or op.inputs[position] < 0:
        return
    index = op.inputs[position]
    tensor = graph.tensors[index]
    kind = _BIAS_TYPES.get(tensor.type)
    if kind is None:  # a bias of floats has no scale
        return
    if uses[index] > 1:
        tensor = _copy_tensor(graph, tensor)
        op.inputs = [*op.inputs[:position], len(graph.tensors) - 1, *op.inputs[position + 1 :]]
    data = np.asarray(tree.buffers[tensor.buffer].data, np.uint8).tobytes()
    values = np.frombuffer(data, kind) / factors.astype(np.float64)
    _store(tree, tensor, np.round(values).astype(kind))
    scale = np.asarray(tensor.quantization.scale, np.float32) * factors
    tensor.quantization.scale = [float(one) for one in scale]


def _copy_tensor(graph: schema.SubGraphT, tensor: schema.TensorT) -> schema.TensorT:
    """Append a copy of a tensor with a scaling of its own to a graph."""
    own = copy(tensor)
    own.quantization = copy(tensor.quantization)
    graph.tensors.append(own)
    return own


def _store(tree: schema.ModelT, tensor: schema.TensorT, values: NDArray[Any]) -> None:
    """Store the values of a tensor, in a buffer of its own if other tensors have the same one."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    users = sum(one.buffer == tensor.buffer for graph in tree.subgraphs for one in graph.tensors)
    if users == 1:
        tree.buffers[tensor.buffer] = buffer
    else:
        tree.buffers.append(buffer)
        tensor.buffer = len(tree.buffers) - 1
