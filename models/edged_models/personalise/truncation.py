"""Truncation of a classifier before its last layer, which leaves the part that computes features."""

from ai_edge_litert import schema_py_generated as schema

from edged_models.errors import SourceError

_OP = schema.BuiltinOperator
_LAST_LAYERS = (_OP.FULLY_CONNECTED, _OP.CONV_2D)
_AFTER_LAST_LAYER = (
    _OP.SOFTMAX,
    _OP.LOGISTIC,
    _OP.QUANTIZE,
    _OP.DEQUANTIZE,
    _OP.RESHAPE,
    _OP.SQUEEZE,
)


def find_feature_tensor(model: schema.ModelT, tensor: str | None) -> int:
    """Return the index of the tensor with the features of a picture.

    Args:
        model: the classifier.
        tensor: part of the tensor's name, of several matches the last operator's output is taken; None for the input of the last layer.

    Raises:
        SourceError: no operator's output matches, or the model does not end like a classifier.
    """
    graph = model.subgraphs[0]
    if tensor is None:
        return _find_input_of_last_layer(model)
    outputs = [int(index) for op in graph.operators for index in op.outputs]
    matches = [i for i in outputs if tensor in (graph.tensors[i].name or b"").decode("utf-8")]
    if not matches:
        raise SourceError(f"no operator has an output with {tensor!r} in its name")
    return matches[-1]


def truncate_graph(model: schema.ModelT, tensor: int) -> None:
    """Make an inner tensor the only output of a model's first subgraph, and empty the buffers that it no longer needs."""
    graph = model.subgraphs[0]
    graph.outputs = [tensor]
    _keep_tensors(graph, _keep_operators(graph, tensor))
    used_buffers = {0} | {one.buffer for one in graph.tensors}
    for index, buffer in enumerate(model.buffers):
        if index not in used_buffers:
            buffer.data = None


def _find_input_of_last_layer(model: schema.ModelT) -> int:
    graph = model.subgraphs[0]
    producers = {int(index): op for op in graph.operators for index in op.outputs}
    op = producers.get(int(graph.outputs[0])) if len(graph.outputs) == 1 else None
    while op is not None and _code_of(model, op) in _AFTER_LAST_LAYER:
        op = producers.get(int(op.inputs[0]))
    if op is None or _code_of(model, op) not in _LAST_LAYERS:
        raise SourceError(
            "the model does not end with one layer of class scores: name the tensor with the features by --tensor"
        )
    return int(op.inputs[0])


def _code_of(model: schema.ModelT, op: schema.OperatorT) -> int:
    code = model.operatorCodes[op.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _keep_operators(graph: schema.SubGraphT, output: int) -> set[int]:
    """Remove the operators that `output` does not depend on, and return the tensors that it does, with the graph's inputs."""
    used, kept = {output, *map(int, graph.inputs)}, []
    for op in reversed(graph.operators):
        if used & {int(index) for index in op.outputs}:
            kept.append(op)
            used |= {int(index) for index in op.inputs}
    graph.operators = kept[::-1]
    return used


def _keep_tensors(graph: schema.SubGraphT, used: set[int]) -> None:
    """Remove the other tensors: the scales of each channel make them large."""
    kept = [index for index in range(len(graph.tensors)) if index in used]
    renumbered = {old: new for new, old in enumerate(kept)} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in kept]
    for owner in (graph, *graph.operators):
        owner.inputs = [renumbered[int(index)] for index in owner.inputs]
        owner.outputs = [renumbered[int(index)] for index in owner.outputs]
