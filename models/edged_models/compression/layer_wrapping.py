"""Wrapping of some layers of a network with a toolkit's wrapper; the weights are copied."""

from collections.abc import Callable

from edged_models.detector.net import Upsample2x
from edged_models.tensorflow import keras

LayerWrapper = Callable[[keras.layers.Layer], keras.layers.Layer]


def wrap_convolutions(model: keras.Model, wrap: LayerWrapper) -> keras.Model:
    """Return a copy of a network with each convolution across channels wrapped.

    Depthwise convolutions are not wrapped: they have few weights, and each of them matters.
    """
    return wrap_layers(model, wrap, is_selected=lambda layer: type(layer) is keras.layers.Conv2D)


def wrap_layers(
    model: keras.Model, wrap: LayerWrapper, *, is_selected: Callable[[keras.layers.Layer], bool]
) -> keras.Model:
    """Return a copy of a network with some layers wrapped.

    Args:
        model: the network.
        wrap: returns the wrapper of a layer.
        is_selected: returns whether a layer is to be wrapped.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = type(layer).from_config(layer.get_config())
        if layer.weights:
            # Before the layer is wrapped: the wrapper's constructor computes the clusters.
            copy.build(layer.input_shape)
            copy.set_weights(layer.get_weights())
        return wrap(copy) if is_selected(layer) else copy

    with custom_layer_scope():
        return keras.models.clone_model(model, clone_function=clone)


def custom_layer_scope() -> keras.utils.custom_object_scope:
    """Return a context manager in which Keras can copy the network's own layers."""
    return keras.utils.custom_object_scope({"Upsample2x": Upsample2x})
