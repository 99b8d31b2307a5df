"""The loop of the fine-tuning: after a warm-up the learning rate falls along a cosine."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.tensorflow import keras, tf

GENTLE_RATE, THOROUGH_RATE = 5e-4, 2e-3
"""Default learning rates: for a network that still works as before, and for one that has lost channels."""
_MIN_RATE_SHARE = 0.02
_WARM_UP_SHARE = 0.1
_MAX_GRADIENT_NORM = 10.0
_NORM_TIME_CONSTANTS = 5.0

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Inputs and truth of some pictures, both with the pictures on the first axis."""


def train_steps(
    model: keras.Model,
    *,
    loss: Callable[[Any, Any], Any],
    batches: Iterator[Batch],
    settings: FineTuneSettings,
    default_rate: float,
    on_step: Callable[[int], None],
) -> None:
    """Train a model in place.

    Args:
        model: the model whose weights are trained.
        loss: returns the scalar loss of the inputs and the truth of a batch.
        batches: batches without end.
        settings: steps and rate.
        default_rate: the highest learning rate if `settings` has none.
        on_step: called with 0, and after each step with the number of finished steps.
    """
    rate = settings.rate or default_rate
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=_MAX_GRADIENT_NORM)

    @tf.function
    def train_step(inputs: tf.Tensor, truth: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            total = tf.add_n([loss(inputs, truth), *model.losses])
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))

    _reduce_norm_momentum(model, settings.steps)
    on_step(0)
    for step in range(settings.steps):
        optimizer.learning_rate.assign(rate * _rate_factor((step + 1) / settings.steps))
        inputs, truth = next(batches)
        train_step(tf.constant(inputs), tf.constant(truth))
        on_step(step + 1)


def iterate_rows(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield the indices of batches without end; each picture is used once an epoch.

    Args:
        count: number of pictures.
        size: number of pictures in a batch, at most `count`.
        rng: draws the order.

    Yields:
        (B,) int64, the numbers of B = `size` pictures.
    """
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def _reduce_norm_momentum(model: keras.Model, steps: int) -> None:
    """Reduce the momentum of the normalisations' averages, so that few steps are enough for the averages of the new network."""
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, max(0.5, 1 - _NORM_TIME_CONSTANTS / steps))


def _rate_factor(done: float) -> float:
    """Return the factor for the highest learning rate when the share `done` of the steps is done."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * done)
    return min(1.0, done / _WARM_UP_SHARE) * (cosine * (1 - _MIN_RATE_SHARE) + _MIN_RATE_SHARE)
