"""Makes a feature extractor of any .tflite: all that leads to one inner tensor, and no more."""

import struct

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edged_models.errors import SourceError


def truncate_model(model: bytes, tensor: str) -> bytes:
    """The same model, ending in another tensor.

    Args:
        model: a .tflite; what is appended to it (labels) is left out.
        tensor: a part of the new output's name; the last operator's output that has it is taken.

    Raises:
        SourceError: it is no .tflite, or no operator's output is called so.
    """
    try:
        whole = schema.ModelT.InitFromPackedBuf(model, 0)
        graph = whole.subgraphs[0]
    except (struct.error, TypeError, IndexError, ValueError, OverflowError) as error:
        raise SourceError(f"this is no .tflite: {error}") from error
    makers = {int(index): op for op in graph.operators for index in op.outputs}
    found = [index for index in makers if tensor in graph.tensors[index].name.decode()]
    if not found:
        raise SourceError(f"no operator gives a tensor that has {tensor!r} in its name")
    wanted, needed = {found[-1]}, []
    for op in reversed(graph.operators):
        if wanted & {int(index) for index in op.outputs}:
            needed.append(op)
            wanted |= {int(index) for index in op.inputs}
    graph.operators = needed[::-1]
    graph.outputs = [found[-1]]
    kept = {0} | {graph.tensors[index].buffer for index in wanted if index >= 0}
    for index, buffer in enumerate(whole.buffers):
        if index not in kept:
            buffer.data = None
    whole.signatureDefs = []
    builder = flatbuffers.Builder(len(model))
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())
