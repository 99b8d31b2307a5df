"""Fine-tuning: a short training after a network has been changed, which restores part of its accuracy."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.picture_sample import PictureSample
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.loss import DetectionLoss
from edged_models.detector.weights import extract_weights, restore_net
from edged_models.tensorflow import keras, tf
from edged_models.training import augment

GENTLE_RATE, THOROUGH_RATE = 5e-4, 2e-3
"""Default learning rates: for a network that still works as before, and for one that has lost channels."""
_BATCH_SIZE = 16
_MIN_RATE_SHARE = 0.02
_WARM_UP_SHARE = 0.1
_MAX_GRADIENT_NORM = 10.0
_NORM_TIME_CONSTANTS = 5.0


def fine_tune_checkpoint(
    checkpoint: Checkpoint,
    sample: PictureSample,
    *,
    tuning: FineTuneSettings,
    default_rate: float = GENTLE_RATE,
    progress: StepCallback = ignore_progress,
) -> Checkpoint:
    """Return the checkpoint after fine-tuning.

    Args:
        checkpoint: the network.
        sample: pictures to train on.
        tuning: settings of the fine-tuning.
        default_rate: learning rate if `tuning` has none.
        progress: called with the number of finished steps.

    Raises:
        SourceError: the checkpoint's weights do not fit its architecture.
    """
    model = restore_net(checkpoint)
    fine_tune(model, sample, tuning=tuning, default_rate=default_rate, progress=progress)
    return replace(checkpoint, weights=extract_weights(model))


def fine_tune(
    model: keras.Model,
    sample: PictureSample,
    *,
    tuning: FineTuneSettings,
    default_rate: float = GENTLE_RATE,
    progress: StepCallback = ignore_progress,
) -> None:
    """Train a network in place on augmented pictures. After a warm-up the learning rate falls along a cosine.

    Args:
        model: maps (B, side, side, 3) float32 in 0..1 to box codes and scores.
        sample: pictures to train on.
        tuning: settings of the fine-tuning.
        default_rate: learning rate if `tuning` has none.
        progress: called with the number of finished steps.
    """
    rate = tuning.rate or default_rate
    keras.utils.set_random_seed(tuning.seed)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=_MAX_GRADIENT_NORM)
    train_step = _make_train_step(model, optimizer, side_px=sample.side_px)
    _reduce_norm_momentum(model, tuning.steps)
    batches = _iterate_batches(sample, np.random.default_rng(tuning.seed))
    progress(0)
    for step in range(tuning.steps):
        optimizer.learning_rate.assign(rate * _rate_factor((step + 1) / tuning.steps))
        images, truth = next(batches)
        train_step(tf.constant(images), tf.constant(truth))
        progress(step + 1)


def _make_train_step(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, *, side_px: int
) -> Callable[[tf.Tensor, tf.Tensor], None]:
    loss = DetectionLoss(side_px=side_px, label_count=int(model.output_shape[1][-1]))

    @tf.function
    def train_step(images: tf.Tensor, truth: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            losses = loss(truth, *model(images, training=True))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(losses.total, weights), weights, strict=True))

    return train_step


def _reduce_norm_momentum(model: keras.Model, steps: int) -> None:
    """Reduce the momentum of the normalisations' averages, so that few steps are enough for the averages of the new network."""
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, max(0.5, 1 - _NORM_TIME_CONSTANTS / steps))


def _rate_factor(done: float) -> float:
    """Return the factor for the highest learning rate when the share `done` of the steps is done."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * done)
    return min(1.0, done / _WARM_UP_SHARE) * (cosine * (1 - _MIN_RATE_SHARE) + _MIN_RATE_SHARE)


def _iterate_batches(
    sample: PictureSample, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield augmented batches without end; each picture is used once an epoch."""
    size = min(_BATCH_SIZE, len(sample.images))
    while True:
        order = rng.permutation(len(sample.images))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield augment.augment_batch(
                sample.images[rows], sample.truth[rows], rng, side_px=sample.side_px
            )
