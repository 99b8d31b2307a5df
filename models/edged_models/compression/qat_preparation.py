"""A network in the form that the toolkit for quantisation-aware training knows best; its outputs stay the same."""

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.keras_graph import LayerCopy, rebuild_graph
from edged_models.compression.norm_folding import find_foldable_norms, read_norm
from edged_models.tensorflow import keras

F32 = NDArray[np.float32]

_WITH_ACTIVATION = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
_RELU6_MAX = 6.0
_PICTURE_RANK = 4


def prepare_for_toolkit(model: keras.Model) -> keras.Model:
    """Return a copy of a model without activations in other layers, and without layers that only scale and shift channels.

    Activations become layers of their own. A scaling becomes a depthwise convolution of one pixel: the toolkit would leave it in
    floats.
    """
    folded = find_foldable_norms(model)

    def replace(layer: keras.layers.Layer) -> LayerCopy | None:
        if isinstance(layer, _WITH_ACTIVATION):
            return _separate_activation(layer)
        if layer.name in folded or len(layer.get_input_shape_at(0)) != _PICTURE_RANK:
            return None
        affine = _read_affine(layer)
        return None if affine is None else _make_depthwise(layer, *affine)

    return rebuild_graph(model, replace)


def _separate_activation(layer: keras.layers.Layer) -> LayerCopy | None:
    activation = layer.activation
    if activation is keras.activations.linear:
        return None
    config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_linear"}
    separate = (
        keras.layers.ReLU(_RELU6_MAX, name=layer.name)
        if getattr(activation, "__name__", "") == "relu6"
        else keras.layers.Activation(activation, name=layer.name)
    )
    return LayerCopy((type(layer).from_config(config), separate), (layer.get_weights(), []))


def _read_affine(layer: keras.layers.Layer) -> tuple[F32, F32] | None:
    """Return what a layer multiplies each channel by, and what it adds; None for another layer."""
    count = layer.get_input_shape_at(0)[-1]
    ones = np.ones(count, np.float32)
    if isinstance(layer, keras.layers.Rescaling):
        return ones * np.float32(layer.scale), ones * np.float32(layer.offset)
    if isinstance(layer, keras.layers.Normalization):
        mean, variance = (np.ravel(np.asarray(one)) for one in (layer.mean, layer.variance))
        if {mean.size, variance.size} - {1, count} or layer.invert:
            return None
        std = np.maximum(np.sqrt(variance), keras.backend.epsilon())
        return (ones / std).astype(np.float32), (-ones * mean / std).astype(np.float32)
    return read_norm(layer) if type(layer) is keras.layers.BatchNormalization else None


def _make_depthwise(layer: keras.layers.Layer, scale: F32, shift: F32) -> LayerCopy:
    depthwise = keras.layers.DepthwiseConv2D(1, name=layer.name)
    return LayerCopy((depthwise,), ([scale.reshape(1, 1, -1, 1), shift],))
