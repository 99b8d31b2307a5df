"""Conversion between a network's variables and arrays by name."""

import numpy as np
from numpy.typing import NDArray

from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.net import build
from edged_models.errors import SourceError
from edged_models.tensorflow import keras

Weights = dict[str, NDArray[np.float32]]


def restore_net(checkpoint: Checkpoint, *, side_px: int | None = None) -> keras.Model:
    """Build a checkpoint's network with its weights.

    Raises:
        SourceError: weights are missing or have another shape.
    """
    model = build(checkpoint.architecture, side_px=side_px)
    assign_weights(model, checkpoint.weights)
    return model


def list_weight_names(model: keras.Model) -> list[str]:
    """Return ``layer/variable`` of every weight, in the order of ``model.weights``."""
    return [
        f"{layer.name}/{_variable_name(w.name)}" for layer in model.layers for w in layer.weights
    ]


def extract_weights(model: keras.Model) -> Weights:
    """Return the network's weights by ``layer/variable``: arrays of any shape, float32."""
    values = [w for layer in model.layers for w in layer.get_weights()]
    return dict(zip(list_weight_names(model), values, strict=True))


def assign_weights(model: keras.Model, weights: Weights) -> None:
    """Set all weights of a network.

    Args:
        model: the network.
        weights: by ``layer/variable``: arrays of any shape, float32.

    Raises:
        SourceError: a weight of the network is missing, or has another shape.
    """
    for layer in model.layers:
        values = [
            _get_value(weights, f"{layer.name}/{_variable_name(w.name)}", tuple(w.shape))
            for w in layer.weights
        ]
        layer.set_weights(values)


def _get_value(weights: Weights, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if name not in weights:
        raise SourceError(f"the checkpoint has no weights {name}")
    if weights[name].shape != shape:
        shapes = f"{weights[name].shape}; the network needs {shape}"
        raise SourceError(f"the checkpoint's weights {name} have the shape {shapes}")
    return weights[name]


def _variable_name(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(":0")
