"""Versions of operators: what a runtime must know to compute them."""

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.flatbuffer import pack_model, unpack_model

_DENSE_PER_CHANNEL = 12
"""FULLY_CONNECTED with a float input and integer weights with a scale for each channel, as TensorFlow 2.19 writes it."""


def raise_dense_versions(model: bytes) -> bytes:
    """Return a model whose dense layers state the version that they need.

    ai-edge-quantizer keeps the version of the float op. tflite-runtime 2.14 runs such a file, applies the first channel's
    scale to all, and says nothing; with the right version it refuses the file.
    """
    tree = unpack_model(model)
    changed = False
    for graph in tree.subgraphs:
        for op in graph.operators or []:
            code = tree.operatorCodes[op.opcodeIndex]
            if code.builtinCode != schema.BuiltinOperator.FULLY_CONNECTED:
                continue
            if code.version < _DENSE_PER_CHANNEL and _is_dynamic_per_channel(graph, op):
                op.opcodeIndex = _find_code(tree, code)
                changed = True
    return pack_model(tree) if changed else model


def _is_dynamic_per_channel(graph: schema.SubGraphT, op: schema.OperatorT) -> bool:
    values, weights = (graph.tensors[index] for index in op.inputs[:2])
    scales = weights.quantization.scale if weights.quantization is not None else None
    is_float = values.type == schema.TensorType.FLOAT32 != weights.type
    return is_float and scales is not None and len(scales) > 1


def _find_code(tree: schema.ModelT, code: schema.OperatorCodeT) -> int:
    for index, one in enumerate(tree.operatorCodes):
        if one.builtinCode == code.builtinCode and one.version == _DENSE_PER_CHANNEL:
            return index
    added = schema.OperatorCodeT()
    added.builtinCode, added.version = code.builtinCode, _DENSE_PER_CHANNEL
    added.deprecatedBuiltinCode = code.deprecatedBuiltinCode
    tree.operatorCodes.append(added)
    return len(tree.operatorCodes) - 1
