"""Kernels read from a .tflite itself, by the schema alone."""

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

_OPS = {
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
    schema.BuiltinOperator.TRANSPOSE_CONV,
}
_TYPES = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT8: np.int8}


@dataclass(frozen=True)
class FileKernel:
    """A kernel of a convolution or dense layer.

    Attributes:
        values: (out, ..., in), float32 or int8 codes.
        scale: of int8 codes, one or one for each output channel, float32.
    """

    values: NDArray[np.generic]
    scale: NDArray[np.float32]


def read_kernels(model: bytes) -> list[FileKernel]:
    """Return the kernels across channels of a .tflite, in the order of its ops."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    graph = tree.subgraphs[0]
    kernels = []
    for op in graph.operators:
        if tree.operatorCodes[op.opcodeIndex].builtinCode in _OPS:
            tensor = graph.tensors[op.inputs[1]]
            data = bytes(bytearray(tree.buffers[tensor.buffer].data))
            values = np.frombuffer(data, _TYPES[tensor.type]).reshape(tuple(tensor.shape))
            scale = tensor.quantization.scale if tensor.quantization else None
            none = np.empty(0, np.float32)
            kernels.append(FileKernel(values, none if scale is None else np.asarray(scale)))
    return kernels
