"""Putting a toolkit's wrapper around some layers of a built net; their weights come along."""

from collections.abc import Callable

from edged_models.detector.net import Upsample2x
from edged_models.tensorflow import keras

LayerWrapper = Callable[[keras.layers.Layer], keras.layers.Layer]


def wrap_convolutions(model: keras.Model, wrap: LayerWrapper) -> keras.Model:
    """A copy of a net in which each convolution across channels is what `wrap` makes of it.

    Depthwise convolutions stay: they have few weights, and each counts.
    """
    return wrap_layers(model, wrap, is_selected=lambda layer: type(layer) is keras.layers.Conv2D)


def wrap_layers(
    model: keras.Model, wrap: LayerWrapper, *, is_selected: Callable[[keras.layers.Layer], bool]
) -> keras.Model:
    """A copy of a net in which each layer that is chosen is what `wrap` makes of it."""

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = type(layer).from_config(layer.get_config())
        if layer.weights:
            # Before it is wrapped: clusters are found when the wrapper is made.
            copy.build(layer.input_shape)
            copy.set_weights(layer.get_weights())
        return wrap(copy) if is_selected(layer) else copy

    with custom_layer_scope():
        return keras.models.clone_model(model, clone_function=clone)


def custom_layer_scope() -> keras.utils.custom_object_scope:
    """A block in which Keras can copy the net's own layers."""
    return keras.utils.custom_object_scope({"Upsample2x": Upsample2x})
