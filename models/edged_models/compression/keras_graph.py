"""Copying of a Keras graph layer by layer, with some layers replaced. Nested models are dissolved into their layers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.detector.net import Upsample2x
from edged_models.errors import SourceError
from edged_models.tensorflow import keras, tf

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LayerCopy:
    """The replacement of a layer.

    Attributes:
        layers: new layers, called one after the other.
        weights: for each of them its weights, arrays of any shape, float32, in the order of `get_weights`.
    """

    layers: tuple[Any, ...]
    weights: tuple[list[Array], ...]


LayerReplacement = Callable[[keras.layers.Layer], LayerCopy | None]
"""Returns what takes the place of a layer; None for a plain copy."""


def copy_layer(layer: keras.layers.Layer) -> LayerCopy:
    """Return a copy of a layer with its weights."""
    with custom_layer_scope():
        copy = type(layer).from_config(layer.get_config())
    return LayerCopy((copy,), (layer.get_weights(),))


def custom_layer_scope() -> keras.utils.custom_object_scope:
    """Return a context manager in which Keras can copy the detector's own layers."""
    return keras.utils.custom_object_scope({"Upsample2x": Upsample2x})


def check_graph(model: keras.Model, name: str) -> None:
    """Check that a model is a graph of layers, functional or Sequential, and so are the models in it.

    Raises:
        SourceError: it is not, as a model whose class has a `call` of its own.
    """
    for one in (model, *(layer for layer in model.submodules if isinstance(layer, keras.Model))):
        if not getattr(one, "_is_graph_network", False):
            within = "" if one is model else f" has in it {one.name}, which"
            raise SourceError(
                f"{name}{within} is no graph of layers but a {type(one).__name__} with code of its own; techniques work on "
                "functional and Sequential models: build it with keras.Model(inputs, outputs)"
            )


def rebuild_graph(model: keras.Model, replace: LayerReplacement) -> keras.Model:
    """Return a copy of a model with some layers replaced.

    Args:
        model: a graph of layers.
        replace: gives the replacement of each layer but the inputs.

    Returns:
        The copy, with inputs and outputs of the same names.
    """
    return _Rebuild(replace).run(model)


def list_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return all layers of a graph and of the models nested in it, without those models."""
    return [
        inner
        for layer in model.layers
        for inner in (list_layers(layer) if isinstance(layer, keras.Model) else [layer])
    ]


class _Rebuild:
    """One copying of a graph."""

    def __init__(self, replace: LayerReplacement) -> None:
        self._replace = replace
        self._copies: dict[int, LayerCopy] = {}
        self._assigned: set[int] = set()
        self._names: set[str] = set()

    def run(self, model: keras.Model) -> keras.Model:
        inputs = [
            keras.Input(batch_shape=one.shape, dtype=one.dtype, name=name)
            for one, name in zip(model.inputs, model.input_names, strict=True)
        ]
        self._names.update(model.input_names)
        outputs = self._run_graph(model, inputs, training=None)
        named = [
            self._rename(one, name) for one, name in zip(outputs, model.output_names, strict=True)
        ]
        # The detector and a nested structure of outputs keep their form; a single output is no list.
        structure = tf.nest.pack_sequence_as(model._nested_outputs, named)  # noqa: SLF001  # Keras has no public access
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], structure, name=model.name)

    def _rename(self, tensor: Any, name: str) -> Any:
        layer = tensor._keras_history.layer  # noqa: SLF001  # the documented attribute of symbolic tensors
        # A wrapper has the name of its layer within.
        if name == getattr(layer, "layer", layer).name or name in self._names:
            return tensor
        return keras.layers.Activation("linear", name=name)(tensor)

    def _run_graph(self, graph: keras.Model, inputs: Iterable[Any], *, training: Any) -> list[Any]:
        tensors = {str(id(old)): new for old, new in zip(graph.inputs, inputs, strict=True)}
        for node in iterate_nodes(graph):
            # `map_arguments` takes each value from a list, one for each use.
            args, kwargs = node.map_arguments(
                {one: [tensors[one]] * 64 for one in node.flat_input_ids}
            )
            if training is not None and node.layer._expects_training_arg:  # noqa: SLF001
                kwargs = {"training": training, **kwargs}
            values = self._call(node.layer, args, kwargs)
            for one, value in zip(node.flat_output_ids, tf.nest.flatten(values), strict=True):
                tensors[str(one)] = value
        return [tensors[str(id(one))] for one in graph.outputs]

    def _call(self, layer: Any, args: tuple, kwargs: dict) -> Any:
        if isinstance(layer, keras.Model):
            return self._run_graph(layer, tf.nest.flatten(args), training=kwargs.get("training"))
        copy = self._copies.get(id(layer))
        if copy is None:
            copy = self._copies[id(layer)] = self._replace(layer) or copy_layer(layer)
            self._keep_names_unique(copy)
        values = copy.layers[0](*args, **kwargs)
        for one in copy.layers[1:]:
            values = one(values)
        if id(layer) not in self._assigned:
            self._assigned.add(id(layer))
            for one, weights in zip(copy.layers, copy.weights, strict=True):
                one.set_weights(weights)
                if isinstance(one, keras.layers.Normalization):
                    one.finalize_state()
        return values

    def _keep_names_unique(self, copy: LayerCopy) -> None:
        """Rename layers of nested models whose names are used already."""
        for layer in copy.layers:
            name, number = layer.name, 1
            while layer.name in self._names:
                layer._name = f"{name}_{number}"  # noqa: SLF001  # a built layer has no public setter
                number += 1
            self._names.add(layer.name)


def iterate_nodes(graph: keras.Model) -> Iterable[Any]:
    """Yield the calls of layers in the order of execution, without the inputs."""
    by_depth = graph._nodes_by_depth  # noqa: SLF001  # what Keras itself executes
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if not node.is_input:
                yield node
