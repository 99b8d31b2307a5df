"""Changes to .tflite files of newer converters that TensorFlow 2.19's quantiser needs. They change no output."""

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_KEEP_CONSTANTS = b"keep_stablehlo_constant"
"""Metadata by which TensorFlow reads constants as StableHLO's, and leaves the ops that use them in float."""
_PAD_VALUE_INPUT = 2


def adapt_to_tensorflow(tree: schema.ModelT) -> bool:
    """Adapt a model, in place, and return whether anything had to be changed.

    litert-torch pads with -infinity for a maximum over a padded window, which TensorFlow's quantiser cannot read;
    TensorFlow itself writes the lowest number.
    """
    kept = [one for one in tree.metadata or [] if one.name != _KEEP_CONSTANTS]
    changed = len(kept) < len(tree.metadata or [])
    tree.metadata = kept
    for tensor in _iterate_pad_values(tree):
        changed |= _make_finite(tree.buffers[tensor.buffer])
    return changed


def _iterate_pad_values(tree: schema.ModelT) -> Iterator[schema.TensorT]:
    for graph in tree.subgraphs:
        for op in graph.operators or []:
            code = tree.operatorCodes[op.opcodeIndex]
            if code.builtinCode == schema.BuiltinOperator.PADV2:
                tensor = graph.tensors[op.inputs[_PAD_VALUE_INPUT]]
                if tensor.type == schema.TensorType.FLOAT32:
                    yield tensor


def _make_finite(buffer: schema.BufferT) -> bool:
    if buffer.data is None:  # the value is computed
        return False
    values = np.frombuffer(bytes(bytearray(buffer.data)), np.float32)
    if not np.isinf(values).any():
        return False
    limit = np.finfo(np.float32)
    buffer.data = np.frombuffer(np.clip(values, limit.min, limit.max).tobytes(), np.uint8)
    return True
