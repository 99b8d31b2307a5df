"""The facts of a .tflite about itself: zeros and different values of its kernels, and which of its operators run where."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edged_models.compression.build_messages import FileFacts
from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.flatbuffer import unpack_model
from edged_models.conversion.tflite_model import parse_model
from edged_models.conversion.unquantized import POSTPROCESS, find_unquantized
from edged_models.edgetpu.readiness import check_readiness

_KERNEL_OPS = ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_KERNEL_INPUT = 1
_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
}


def read_file_facts(model: bytes) -> FileFacts:
    """Read the facts of a .tflite from its bytes; it is not run.

    Raises:
        SourceError: the file is damaged.
    """
    parsed = parse_model(model)
    readiness = check_readiness(parsed)
    kernels = read_kernels(model)
    size = sum(kernel.size for kernel in kernels)
    zeros = sum(int((kernel == 0).sum()) for kernel in kernels)
    floats = find_unquantized(parsed, include_activations=True)
    on_edgetpu = sum(op.on_edgetpu for op in readiness.ops)
    return FileFacts(
        zero_share=zeros / max(1, size),
        max_distinct=max((len(np.unique(kernel)) for kernel in kernels), default=0),
        ops=len(parsed.ops),
        float_ops=len(floats.list_ops_except(POSTPROCESS)),
        edgetpu_ops=0 if readiness.rejection_reason else on_edgetpu,
    )


def read_kernels(model: bytes) -> list[NDArray[np.generic]]:
    """Return the kernels across channels as they are stored: of any shape; float32, float16, or int8 without their scales."""
    content, _ = split_associated_files(model, "the model")
    tree = unpack_model(content, "the model")
    graph = tree.subgraphs[0]
    # A float16 kernel is widened by an op of its own.
    widened = {
        int(op.outputs[0]): int(op.inputs[0])
        for op in graph.operators
        if _op_name(tree, op) == "DEQUANTIZE"
    }
    indices = [
        int(op.inputs[_KERNEL_INPUT]) for op in graph.operators if _op_name(tree, op) in _KERNEL_OPS
    ]
    tensors = [graph.tensors[widened.get(index, index)] for index in dict.fromkeys(indices)]
    kernels = []
    for tensor in tensors:
        data = tree.buffers[tensor.buffer].data
        if data is not None and len(data) and tensor.type in _DTYPES:
            kernels.append(np.frombuffer(bytes(data), _DTYPES[tensor.type]).reshape(tensor.shape))
    return kernels


def _op_name(tree: schema.ModelT, op: schema.OperatorT) -> str:
    code = tree.operatorCodes[op.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    return _NAMES.get(builtin, "")


_NAMES = {getattr(schema.BuiltinOperator, name): name for name in (*_KERNEL_OPS, "DEQUANTIZE")}
