"""Keras networks in memory, of Keras 2 or Keras 3, as sources."""

import sys
from collections.abc import Mapping
from typing import Any

from edged_models.conversion.kinds.input_shape import INPUT_NAME, fix_input_shape
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import SignatureNames
from edged_models.conversion.source import DEFAULT_SIGNATURE, FunctionSource
from edged_models.errors import SourceError
from edged_models.tensorflow import keras, tf


def is_keras_network(value: Any) -> bool:
    """Return whether a value is a network of Keras 2 or of Keras 3, both of which a process may have."""
    return isinstance(value, tuple(one.Model for one in _loaded_keras()))


def _loaded_keras() -> tuple[Any, ...]:
    """Return the Keras of this process, and Keras 3 if the user's code has imported it beside Keras 2."""
    keras_3 = sys.modules.get("keras")
    return (keras, keras_3) if keras_3 is not None else (keras,)


def network_source(
    net: keras.Model,
    *,
    name: str,
    metadata: ModelMetadata | None = None,
    side_px: int | None = None,
    has_learned_ranges: bool = False,
) -> FunctionSource:
    """Return a Keras network with one input as a source.

    Args:
        net: the network; its outputs keep their order and names.
        name: for messages, and in the file.
        metadata: metadata of the file; only the name if None.
        side_px: side of the square input, if the network leaves it open.
        has_learned_ranges: whether it was trained quantisation-aware.

    Raises:
        SourceError: the network has several inputs, or the size of its input is not known.
    """
    shape, dtype = _find_input(net, name)
    spec = fix_input_shape(shape, dtype, name=name, side_px=side_px)
    outputs: list[str] = []

    @tf.function(input_signature=[spec])
    def call(image: tf.Tensor) -> dict[str, tf.Tensor]:
        results = _name_outputs(net(image, training=False), net)
        outputs.extend(results)
        return results

    function = call.get_concrete_function()
    return FunctionSource(
        name=name,
        metadata=metadata or ModelMetadata(name=name),
        function=function,
        variables=tuple(function.graph.variables),
        outputs=tuple(outputs),
        has_learned_ranges=has_learned_ranges,
        signature=SignatureNames(DEFAULT_SIGNATURE, INPUT_NAME),
    )


def _find_input(net: keras.Model, name: str) -> tuple[tuple[int | None, ...], Any]:
    """Return shape and dtype of the only input."""
    inputs = getattr(net, "inputs", None)
    if inputs:
        if len(inputs) != 1:
            raise SourceError(f"{name} has {len(inputs)} inputs; it must have one, a picture")
        return tuple(inputs[0].shape), inputs[0].dtype
    # A subclassed network knows only the shape that it was built with.
    shape = (net.get_build_config() or {}).get("input_shape")
    if not shape or not all(isinstance(size, int | None) for size in shape):
        raise SourceError(
            f"{name} does not know its input's shape: call it on a picture before it is saved, or name a tf.function with an "
            "input_signature that calls it, as file.py:function"
        )
    return (None, *shape[1:]), tf.float32


def _name_outputs(results: Any, net: keras.Model) -> dict[str, Any]:
    """Return the outputs by name: by their own names if there is one for each output, else numbered."""
    if isinstance(results, Mapping):
        return {str(name): one for name, one in results.items()}
    tensors = tf.nest.flatten(results)
    names = list(getattr(net, "output_names", None) or ())
    if not names and isinstance(
        net, tuple(one.Sequential for one in _loaded_keras())
    ):  # Keras 3 does not name its output
        names = [net.layers[-1].name]
    if len(set(names)) != len(tensors):
        names = [f"output_{position}" for position in range(len(tensors))]
    return dict(zip(names, tensors, strict=True))
