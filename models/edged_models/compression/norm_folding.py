"""Folding of batch normalisations into the convolutions before them, as the converter does it: the outputs stay the same."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.keras_graph import LayerCopy, iterate_nodes, rebuild_graph
from edged_models.tensorflow import keras

_FOLDABLE = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.Dense,
    keras.layers.SeparableConv2D,
)
"""Layers with a kernel and a bias; a transposed convolution is a `Conv2D`."""

F32 = NDArray[np.float32]


def fold_norms(model: keras.Model) -> keras.Model:
    """Return a copy of a model without the batch normalisations that follow a convolution or dense layer directly.

    The layers keep their names. A normalisation becomes a linear activation, which the converter removes.
    """
    norms = _find_foldable(model)
    folded = {id(norm) for norm in norms.values()}

    def replace(layer: keras.layers.Layer) -> LayerCopy | None:
        if id(layer) in folded:
            return LayerCopy((keras.layers.Activation("linear", name=layer.name),), ([],))
        norm = norms.get(id(layer))
        return None if norm is None else _fold(layer, norm)

    return rebuild_graph(model, replace)


def find_foldable_norms(model: keras.Model) -> frozenset[str]:
    """Return the names of the batch normalisations that can be folded."""
    return frozenset(norm.name for norm in _find_foldable(model).values())


def _find_foldable(model: keras.Model) -> dict[int, Any]:
    """Return the normalisation of each layer, by the layer's id, that only one normalisation reads, and nothing else."""
    readers: dict[int, list[Any]] = {}
    _collect_readers(model, readers)
    calls: dict[int, int] = {}
    for norm in (one for found in readers.values() for one in found):
        calls[id(norm)] = calls.get(id(norm), 0) + 1
    outputs = {id(one._keras_history.layer) for one in model.outputs}  # noqa: SLF001  # documented
    return {
        layer: found[0]
        for layer, found in readers.items()
        if len(found) == 1
        and layer not in outputs
        and type(found[0]) is keras.layers.BatchNormalization
        and calls[id(found[0])] == 1
        and _is_on_last_axis(found[0])
    }


def _collect_readers(graph: keras.Model, readers: dict[int, list[Any]]) -> None:
    """Collect the layers that read the output of each linear foldable layer; those of nested models stay within them."""
    outputs = {id(one) for one in graph.outputs}
    for node in iterate_nodes(graph):
        if isinstance(node.layer, keras.Model):
            _collect_readers(node.layer, readers)
        for parent in node.parent_nodes:
            source = parent.layer
            if isinstance(source, _FOLDABLE) and source.activation is keras.activations.linear:
                readers.setdefault(id(source), []).append(node.layer)
                if any(id(one) in outputs for one in _tensors(parent)):
                    readers[id(source)].append(graph)  # its own output as well


def _tensors(node: Any) -> list[Any]:
    outputs = node.outputs
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _is_on_last_axis(norm: keras.layers.BatchNormalization) -> bool:
    axes = list(norm.axis) if isinstance(norm.axis, list | tuple) else [norm.axis]
    return axes == [len(norm.get_input_shape_at(0)) - 1] or axes == [-1]


def _fold(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> LayerCopy:
    scale, shift = read_norm(norm)
    weights = layer.get_weights()
    bias = weights.pop() if layer.use_bias else np.zeros_like(shift)
    weights[-1] = _scale_kernel(layer, weights[-1], scale)
    config = {**layer.get_config(), "use_bias": True}
    copy = type(layer).from_config(config)
    return LayerCopy((copy,), ([*weights, (bias * scale + shift).astype(np.float32)],))


def read_norm(norm: keras.layers.BatchNormalization) -> tuple[F32, F32]:
    """Return what a normalisation multiplies each channel by, and what it adds: (C,) float32 each."""
    variance = norm.moving_variance.numpy().astype(np.float64)
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * norm.gamma.numpy()
    shift = -norm.moving_mean.numpy() * scale
    if norm.center:
        shift = shift + norm.beta.numpy()
    return scale.astype(np.float32), shift.astype(np.float32)


def _scale_kernel(layer: keras.layers.Layer, kernel: F32, scale: F32) -> F32:
    if isinstance(layer, keras.layers.DepthwiseConv2D):  # (h, w, in, multiplier)
        return (kernel * scale.reshape(kernel.shape[2:])).astype(np.float32)
    if isinstance(layer, keras.layers.Conv2DTranspose):  # (h, w, out, in)
        return (kernel * scale[:, None]).astype(np.float32)
    return (kernel * scale).astype(np.float32)
