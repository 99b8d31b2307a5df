"""Inputs and outputs of concrete functions."""

from collections.abc import Mapping
from typing import Any

from edged_models.tensorflow import tf


def list_inputs(concrete: Any) -> list[tf.TensorSpec]:
    """Return shapes, types and names of a concrete function's inputs."""
    return list(tf.nest.flatten(concrete.structured_input_signature))


def call_by_name(concrete: Any, tensor: tf.Tensor) -> dict[str, tf.Tensor]:
    """Call a concrete function of one tensor, and return its outputs by name."""
    keyword = next(iter(concrete.structured_input_signature[1]), None)
    return outputs_by_name(concrete(**{keyword: tensor}) if keyword else concrete(tensor))


def outputs_by_name(outputs: Any) -> dict[str, Any]:
    """Return a function's outputs by their own names, or numbered if they have none."""
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {f"output_{position}": one for position, one in enumerate(tf.nest.flatten(outputs))}
