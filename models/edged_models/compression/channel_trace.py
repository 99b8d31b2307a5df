"""Following channels through a graph of Keras layers."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from edged_models.compression.channel_layout import (
    ChannelLayout,
    ChannelSet,
    ChannelTrace,
    LayerChannels,
    join_layouts,
)
from edged_models.compression.keras_graph import iterate_nodes
from edged_models.detector.net import Upsample2x
from edged_models.tensorflow import keras, tf

_L = keras.layers
_PASSING = (
    _L.ReLU,
    _L.LeakyReLU,
    _L.ELU,
    _L.ThresholdedReLU,
    _L.Dropout,
    _L.SpatialDropout2D,
    _L.GaussianNoise,
    _L.GaussianDropout,
    _L.MaxPooling2D,
    _L.AveragePooling2D,
    _L.GlobalAveragePooling2D,
    _L.GlobalMaxPooling2D,
    _L.ZeroPadding2D,
    _L.Cropping2D,
    _L.UpSampling2D,
    _L.Resizing,
    Upsample2x,
)
"""Layers that treat every channel alike, without weights."""
_MERGING = (_L.Add, _L.Subtract, _L.Multiply, _L.Average, _L.Maximum, _L.Minimum)
_MIXING_ACTIVATIONS = ("softmax", "log_softmax")
_PASSING_FUNCTIONS = ("relu", "silu", "swish", "sigmoid", "tanh", "clip_by_value")
_MERGING_FUNCTIONS = ("add", "subtract", "multiply", "truediv", "maximum", "minimum")


def trace_channels(model: keras.Model) -> ChannelTrace:
    """Follow the channels of a graph from its inputs to its outputs. Those of inputs and outputs are blocked.

    Args:
        model: a graph of layers without nested models.
    """
    trace = ChannelTrace()
    layouts: dict[str, ChannelLayout] = {}
    for one, name in zip(model.inputs, model.input_names, strict=True):
        layouts[str(id(one))] = ChannelLayout((ChannelSet(int(one.shape[-1]), f"{name} (input)"),))
    for node in iterate_nodes(model):
        inputs = [layouts[str(one)] for one in node.flat_input_ids]
        outputs = tf.nest.flatten(node.outputs)
        layout = _follow(node, inputs, outputs, trace)
        for one, tensor in zip(node.flat_output_ids, outputs, strict=True):
            layouts[str(one)] = layout or _blocked(tensor, node.layer)
    for one, name in zip(model.outputs, model.output_names, strict=True):
        layouts[str(id(one))].block(f"{name} (output)")
    return trace


def _follow(
    node: Any, inputs: list[ChannelLayout], outputs: list[Any], trace: ChannelTrace
) -> ChannelLayout | None:
    """Return the channels of a layer's output; None, and the inputs' are blocked, if the layer cannot be followed."""
    layer = node.layer
    layout = _follow_merging(node, inputs, outputs)
    if layout is None and len(inputs) == 1:
        layout = _follow_single(layer, inputs[0], outputs[0])
    if layout is None:
        for one in inputs:
            one.block(f"{layer.name} ({type(layer).__name__})")
        return None
    if len(inputs) == 1:
        layout = _record(layer, inputs[0], layout, trace)
        trace.sources[id(layer)] = id(node.parent_nodes[0].layer)
    return layout


def _record(
    layer: Any, inputs: ChannelLayout, outputs: ChannelLayout, trace: ChannelTrace
) -> ChannelLayout:
    """Note the channels of a layer; a layer that is called again has the same ones each time."""
    known = trace.layers.setdefault(id(layer), LayerChannels(inputs, outputs))
    join_layouts([known.inputs, inputs], layer.name)
    return join_layouts([known.outputs, outputs], layer.name)


def _follow_single(layer: Any, inputs: ChannelLayout, output: Any) -> ChannelLayout | None:
    if isinstance(layer, _L.DepthwiseConv2D):
        is_plain = layer.depth_multiplier == 1 and layer.data_format == "channels_last"
        return inputs if is_plain else None
    if isinstance(layer, _L.Conv2D | _L.Dense | _L.SeparableConv2D):
        return _new(output) if _mixes_all_channels(layer, inputs) else None
    if isinstance(layer, _L.BatchNormalization | _L.PReLU):
        return inputs if _has_vectors(layer, output) else None
    if isinstance(layer, _L.Flatten):
        return _flatten(layer, inputs)
    return inputs if _passes(layer, output, inputs) else None


def _mixes_all_channels(layer: Any, inputs: ChannelLayout) -> bool:
    """Return whether every output channel of a layer reads every channel of its input, on the last axis."""
    if isinstance(layer, _L.Dense):
        return True
    if layer.data_format != "channels_last" or layer.groups != 1:
        return False
    is_separable = isinstance(layer, _L.SeparableConv2D)
    return not is_separable or (layer.depth_multiplier == 1 and inputs.tiles == 1)


def _passes(layer: Any, output: Any, inputs: ChannelLayout) -> bool:
    """Return whether a layer without weights leaves the last axis as it is."""
    if isinstance(layer, _L.Activation):
        return getattr(layer.activation, "__name__", "") not in _MIXING_ACTIVATIONS
    if isinstance(layer, _L.Rescaling):
        return np.ndim(layer.scale) == 0 and np.ndim(layer.offset) == 0
    if isinstance(layer, _L.Reshape):
        return bool(output.shape[-1] == inputs.count)
    if type(layer).__name__ == "TFOpLambda":
        return _function_name(layer) in _PASSING_FUNCTIONS
    return isinstance(layer, _PASSING)


def _follow_merging(
    node: Any, inputs: list[ChannelLayout], outputs: list[Any]
) -> ChannelLayout | None:
    layer = node.layer
    if isinstance(layer, _L.Concatenate):
        rank = len(outputs[0].shape)
        if layer.axis in (-1, rank - 1):
            if any(one.tiles != 1 for one in inputs):
                return None
            return ChannelLayout(tuple(part for one in inputs for part in one.sets))
        return join_layouts(inputs, layer.name)
    if isinstance(layer, _MERGING) or _merges_by_function(node):
        return join_layouts(inputs, layer.name)
    return None


def _merges_by_function(node: Any) -> bool:
    """Return whether a call is an operator of tensors or single numbers: other constants have a value for each channel."""
    if type(node.layer).__name__ != "TFOpLambda":
        return False
    given = [one for one in tf.nest.flatten((node.call_args, node.call_kwargs)) if one is not None]
    is_plain = all(np.ndim(one) == 0 for one in given if not hasattr(one, "_keras_history"))
    return is_plain and _function_name(node.layer) in _MERGING_FUNCTIONS


def _function_name(layer: Any) -> str:
    """Return the name of a TensorFlow function that was called as a layer."""
    return str(layer.name).split(".")[-1].rstrip("_0123456789")


def _has_vectors(layer: Any, output: Any) -> bool:
    """Return whether a layer's weights have one value for each channel, and no other axes."""
    return all(
        tuple(one.shape)[-1] == output.shape[-1] == np.prod(one.shape) for one in layer.weights
    )


def _flatten(layer: Any, inputs: ChannelLayout) -> ChannelLayout | None:
    shape: Iterable[int | None] = layer.get_input_shape_at(0)[1:-1]
    sizes = list(shape)
    if None in sizes:
        return None
    return ChannelLayout(inputs.sets, inputs.tiles * int(np.prod(sizes, dtype=int)))


def _new(tensor: Any) -> ChannelLayout:
    return ChannelLayout((ChannelSet(int(tensor.shape[-1])),))


def _blocked(tensor: Any, layer: Any) -> ChannelLayout:
    count = tensor.shape[-1] if len(tensor.shape) else 1
    return ChannelLayout((ChannelSet(int(count or 1), f"{layer.name} ({type(layer).__name__})"),))
