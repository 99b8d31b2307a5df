"""Makes a personalisable classifier: one .tflite that the daemon runs as any classifier, and whose last layer a device trains.

::

    serving_default   picture -> scores      what the daemon runs; the last layer's weights are constants of their own
    features          picture -> features    the same without the last layer; it shares all weights
    train, infer, get, put                   the last layer with variables, see `edged_models.personalise.trainable_head`

The device trains the variables, and writes the result into the constants of a copy of the file.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.flatbuffer import damage_as_source_error, pack_model, unpack_model
from edged_models.conversion.metadata import attach_metadata, read_model_metadata
from edged_models.errors import SourceError
from edged_models.personalise.graph_writer import GraphWriter, add_operator_code, make_signature
from edged_models.personalise.trainable_head import make_head
from edged_models.personalise.truncation import find_feature_tensor, truncate_graph

_OP, _OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
_METADATA_ENTRY = b"TFLITE_METADATA"
_MAP_RANK, _VECTOR_RANK = 4, 2
_INITIAL_SPREAD = 0.01


def make_personalisable(
    model: bytes, *, classes: int, tensor: str | None = None, name: str = "the model"
) -> bytes:
    """Return a classifier with a new last layer that a device can train.

    Args:
        model: the classifier, float or quantised; for another model, name its tensor.
        classes: the largest number of classes that a device can teach.
        tensor: part of the name of the tensor with the features; None for the input of the last layer.
        name: the model's, for messages.

    Raises:
        SourceError: the model is damaged, or does not end like a classifier, or the tensor holds no features of one picture.
    """
    metadata = read_model_metadata(model, name)
    tree = unpack_model(split_associated_files(model, name)[0], name)
    with damage_as_source_error(name):
        truncate_graph(tree, find_feature_tensor(tree, tensor))
        features = _append_pooling(tree)
        _drop_metadata(tree)
        _write_signatures(tree, features, classes)
        _append_head(tree, unpack_model(make_head(features, classes)))
        packed = pack_model(tree)
    labels = tuple(f"class-{number}" for number in range(classes))
    return attach_metadata(packed, replace(metadata, labels=labels), name)


def _append_pooling(tree: schema.ModelT) -> int:
    """Make the output of the truncated graph a vector of float32, (1, C), and return C."""
    graph = tree.subgraphs[0]
    writer = GraphWriter(tree, graph)
    index = int(graph.outputs[0])
    shape = [int(side) for side in graph.tensors[index].shape]
    _check_shape(graph.tensors[index].name, shape)
    if graph.tensors[index].type != schema.TensorType.FLOAT32:
        index = writer.add_operator(
            _OP.DEQUANTIZE, [index], ("personalise/float", shape), version=2
        )
    if len(shape) == _MAP_RANK:
        axes = writer.add_constant("personalise/axes", np.array([1, 2], np.int32))
        options = (_OPTIONS.ReducerOptions, schema.ReducerOptionsT())
        pooled = ("personalise/features", [1, shape[-1]])
        index = writer.add_operator(_OP.MEAN, [index, axes], pooled, options=options)
    graph.outputs = [index]
    return shape[-1]


def _check_shape(name: bytes, shape: list[int]) -> None:
    if len(shape) not in (_VECTOR_RANK, _MAP_RANK) or shape[0] != 1:
        raise SourceError(
            f"the tensor {name.decode()!r} of shape {shape} holds no features of one picture: name another by --tensor"
        )


def _write_signatures(tree: schema.ModelT, features: int, classes: int) -> None:
    """Make two subgraphs of the first one, with the last layer and without it."""
    graph = tree.subgraphs[0]
    tree.subgraphs = [graph, deepcopy(graph)]
    picture, vector = int(graph.inputs[0]), int(graph.outputs[0])
    scores = _append_last_layer(GraphWriter(tree, graph), vector, features, classes)
    graph.outputs = [scores]
    tree.signatureDefs = [
        make_signature("serving_default", 0, {"picture": picture}, {"scores": scores}),
        make_signature("features", 1, {"picture": picture}, {"features": vector}),
    ]


def _append_last_layer(writer: GraphWriter, vector: int, features: int, classes: int) -> int:
    """Append the layer with its softmax. Its weights are small random numbers, so that the model answers differently from the start."""
    values = np.random.default_rng(0).normal(0, _INITIAL_SPREAD, (classes, features))
    weights = writer.add_constant("personalise/weights", values.astype(np.float32))
    bias = writer.add_constant("personalise/bias", np.zeros(classes, np.float32))
    layer = (_OPTIONS.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    shape = [1, classes]
    logits = writer.add_operator(
        _OP.FULLY_CONNECTED, [vector, weights, bias], ("personalise/logits", shape), options=layer
    )
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    options = (_OPTIONS.SoftmaxOptions, softmax)
    return writer.add_operator(
        _OP.SOFTMAX, [logits], ("personalise/scores", shape), options=options
    )


def _append_head(tree: schema.ModelT, head: schema.ModelT) -> None:
    """Append the subgraphs, buffers and signatures of a head to a model."""
    first_subgraph, first_buffer = len(tree.subgraphs), len(tree.buffers) - 1
    codes = [add_operator_code(tree, code) for code in head.operatorCodes]
    tree.buffers += head.buffers[1:]
    for graph in head.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer += first_buffer if tensor.buffer else 0
        for op in graph.operators or []:
            op.opcodeIndex = codes[op.opcodeIndex]
            if op.builtinOptionsType == _OPTIONS.CallOnceOptions:
                op.builtinOptions.initSubgraphIndex += first_subgraph
    for signature in head.signatureDefs:
        signature.subgraphIndex += first_subgraph
    tree.subgraphs += head.subgraphs
    tree.signatureDefs += head.signatureDefs


def _drop_metadata(tree: schema.ModelT) -> None:
    """Drop what described the old outputs; the caller writes the rest again."""
    for entry in tree.metadata or []:
        if entry.name == _METADATA_ENTRY:
            tree.buffers[entry.buffer].data = None
    tree.metadata = [one for one in tree.metadata or [] if one.name != _METADATA_ENTRY]
