"""Changes to the .tflite files of newer converters that TensorFlow 2.19's quantiser needs. They change no output."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_KEEP_CONSTANTS = b"keep_stablehlo_constant"
"""Metadata by which TensorFlow reads constants as StableHLO's, and leaves the ops that use them in float."""
_PAD_VALUE_INPUT = 2


def adapt_to_tensorflow(tree: schema.ModelT) -> None:
    """Adapt a model of litert-torch, in place.

    A maximum over a padded window pads with -infinity there, which ends TensorFlow's quantiser; TensorFlow itself writes the
    lowest number.
    """
    tree.metadata = [one for one in tree.metadata or [] if one.name != _KEEP_CONSTANTS]
    for graph in tree.subgraphs:
        for op in graph.operators or []:
            code = tree.operatorCodes[op.opcodeIndex]
            if code.builtinCode == schema.BuiltinOperator.PADV2:
                _make_finite(tree, graph.tensors[op.inputs[_PAD_VALUE_INPUT]])


def _make_finite(tree: schema.ModelT, tensor: schema.TensorT) -> None:
    buffer = tree.buffers[tensor.buffer]
    if tensor.type != schema.TensorType.FLOAT32 or buffer.data is None:
        return
    values = np.frombuffer(bytes(bytearray(buffer.data)), np.float32)
    limit = np.finfo(np.float32)
    buffer.data = np.frombuffer(np.clip(values, limit.min, limit.max).tobytes(), np.uint8)
