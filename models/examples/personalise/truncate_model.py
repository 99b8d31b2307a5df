"""Truncation of a .tflite at an inner tensor, which makes a feature extractor of any model."""

import struct

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edged_models.errors import SourceError


def truncate_model(model: bytes, tensor: str) -> bytes:
    """Return the same model with an inner tensor as its only output.

    Args:
        model: content of a .tflite; files appended to it (labels) are dropped.
        tensor: part of the new output's name; of several matches the last operator's output is taken.

    Raises:
        SourceError: `model` is not a .tflite, or no operator's output matches.
    """
    try:
        tree = schema.ModelT.InitFromPackedBuf(model, 0)
        graph = tree.subgraphs[0]
    except (struct.error, TypeError, IndexError, ValueError, OverflowError) as error:
        raise SourceError(f"the backbone is not a .tflite: {error}") from error
    outputs = [int(index) for op in graph.operators for index in op.outputs]
    matches = [index for index in outputs if tensor in graph.tensors[index].name.decode()]
    if not matches:
        raise SourceError(f"no operator has an output with {tensor!r} in its name")
    used_tensors = _keep_operators(graph, matches[-1])
    graph.outputs = [matches[-1]]
    used_buffers = {0} | {graph.tensors[index].buffer for index in used_tensors if index >= 0}
    for index, buffer in enumerate(tree.buffers):
        if index not in used_buffers:
            buffer.data = None
    tree.signatureDefs = []
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _keep_operators(graph: schema.SubGraphT, output: int) -> set[int]:
    """Remove the operators that `output` does not depend on, and return the tensors that it does."""
    used, kept = {output}, []
    for op in reversed(graph.operators):
        if used & {int(index) for index in op.outputs}:
            kept.append(op)
            used |= {int(index) for index in op.inputs}
    graph.operators = kept[::-1]
    return used
