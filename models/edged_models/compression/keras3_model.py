"""Models of Keras 3, rebuilt of Keras 2's layers of the same names: the optimisation toolkit and the techniques know no other."""

import inspect
import operator
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras as keras3
import numpy as np

from edged_models.errors import SourceError
from edged_models.tensorflow import keras, tf

_BASE_OPTIONS = ("name", "trainable", "dtype", "batch_input_shape")
_NOT_NEEDED = ("_initializer", "_regularizer", "_constraint")
"""Ends of the names of options that matter only at the start of a training."""
_RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
_OPERATIONS: dict[str, Callable] = {
    "Add": operator.add,
    "Subtract": operator.sub,
    "Multiply": operator.mul,
    "TrueDivide": operator.truediv,
    "Relu": tf.nn.relu,
    "Relu6": tf.nn.relu6,
    "Sigmoid": tf.nn.sigmoid,
}
_MAX_DIFFERENCE = 1e-4
_TRIALS = 3
_DEFAULT_SIDE_PX = 64


def load_keras3_file(path: Path) -> keras.Model:
    """Read a file of Keras 3 into a Keras 2 model, and check that both compute the same.

    Raises:
        SourceError: the model is no graph of layers, has a layer that Keras 2 lacks, or computes something else in Keras 2.
    """
    original = keras3.models.load_model(path, compile=False, safe_mode=True)
    if isinstance(original, keras3.Sequential) and original.built:
        original = original._functional  # noqa: SLF001  # the graph of a Sequential has no public name
    if not isinstance(original, keras3.Model) or not hasattr(original, "_nodes_by_depth"):
        raise SourceError(
            f"{path} is no graph of layers: techniques work on functional and Sequential models with a known input"
        )
    model = _Translation(path).run(original)
    _compare(model, original, path)
    return model


class _Translation:
    """One translation of a graph."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._layers: dict[int, keras.layers.Layer] = {}

    def run(self, model: Any) -> keras.Model:
        inputs = [
            keras.Input(batch_shape=one.shape, dtype=one.dtype, name=one.name)
            for one in model.inputs
        ]
        outputs = self._run_graph(model, inputs)
        return keras.Model(
            inputs if len(inputs) > 1 else inputs[0],
            outputs if len(outputs) > 1 else outputs[0],
            name=model.name,
        )

    def _run_graph(self, graph: Any, inputs: Iterable[Any]) -> list[Any]:
        tensors = {id(old): new for old, new in zip(graph.inputs, inputs, strict=True)}
        for depth in sorted(graph._nodes_by_depth, reverse=True):  # noqa: SLF001  # what Keras itself executes
            for node in graph._nodes_by_depth[depth]:  # noqa: SLF001
                if node.is_input:
                    continue
                args, kwargs = node.arguments.fill_in(tensors)
                values = self._call(node.operation, args, kwargs)
                for old, new in zip(node.outputs, tf.nest.flatten(values), strict=True):
                    tensors[id(old)] = new
        return [tensors[id(one)] for one in graph.outputs]

    def _call(self, operation: Any, args: tuple, kwargs: dict) -> Any:
        if isinstance(operation, keras3.Sequential):
            operation = operation._functional  # noqa: SLF001
        if hasattr(operation, "_nodes_by_depth"):
            return self._run_graph(operation, tf.nest.flatten(args))
        known = {name: value for name, value in kwargs.items() if value is not None}
        if not isinstance(operation, keras3.layers.Layer):
            return self._call_function(operation, args)
        layer = self._layers.get(id(operation))
        if layer is None:
            layer = self._layers[id(operation)] = self._translate(operation)
            values = layer(*args, **known)
            layer.set_weights(operation.get_weights())
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
            return values
        return layer(*args, **known)

    def _call_function(self, operation: Any, args: tuple) -> Any:
        function = _OPERATIONS.get(type(operation).__name__)
        if function is None:
            raise SourceError(
                f"{self._path} has the operation {operation.name} of Keras 3, which is not translated to Keras 2: use a layer"
            )
        return function(*args)

    def _translate(self, layer: Any) -> keras.layers.Layer:
        kind = type(layer).__name__
        known = getattr(keras.layers, kind, None)
        if known is None or not type(layer).__module__.startswith("keras."):
            raise SourceError(
                f"{self._path} has the layer {layer.name} of the kind {kind}, which Keras 2 does not have: "
                "build the model with Keras 2 (TF_USE_LEGACY_KERAS=1, tf_keras) and save it again"
            )
        options = _list_options(known)
        config = {
            _RENAMED.get((kind, name), name): _plain(value)
            for name, value in layer.get_config().items()
            if not name.endswith(_NOT_NEEDED)
        }
        return known.from_config({name: one for name, one in config.items() if name in options})


def _list_options(kind: type) -> set[str]:
    """Return the names of a Keras 2 layer's options."""
    names = {
        name
        for base in inspect.getmro(kind)
        if issubclass(base, keras.layers.Layer)
        for name in inspect.signature(base.__init__).parameters
    }
    return (names | set(_BASE_OPTIONS)) - {"self", "kwargs", "args"}


def _plain(value: Any) -> Any:
    """Return the value of an option in the form of Keras 2: a policy or an activation by its name."""
    if isinstance(value, dict) and "config" in value:
        config = value["config"]
        return config.get("name", value) if isinstance(config, dict) else config
    return value


def _compare(model: keras.Model, original: Any, path: Path) -> None:
    rng = np.random.default_rng(1)
    shape = [side or _DEFAULT_SIDE_PX for side in model.inputs[0].shape[1:]]
    for largest in (1.0, 255.0, 1.0)[:_TRIALS]:
        pictures = rng.uniform(0, largest, (2, *shape)).astype(np.float32)
        old, new = original(pictures, training=False), model(pictures, training=False)
        for one, other in zip(tf.nest.flatten(old), tf.nest.flatten(new), strict=True):
            expected = np.asarray(one)
            allowed = _MAX_DIFFERENCE * max(1.0, float(np.abs(expected).max()))
            difference = float(np.abs(expected - np.asarray(other)).max())
            if not difference <= allowed:
                raise SourceError(
                    f"{path} gives other outputs when it is rebuilt with Keras 2 (by up to {difference:.2g}): build it with Keras 2 "
                    "(TF_USE_LEGACY_KERAS=1, tf_keras) and save it again"
                )
