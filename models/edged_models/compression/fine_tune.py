"""A short training after a net has been changed, so that what is left makes up for what was taken."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edged_models.compression.sample import Sample
from edged_models.compression.tuning import Progress, Tuning, silent
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.loss import DetectionLoss
from edged_models.detector.weights import extract, restore
from edged_models.tensorflow import keras, tf
from edged_models.training import augment

GENTLE, THOROUGH = 5e-4, 2e-3
"""Usual rates: of a net that still does what it did, and of one that has lost parts."""
_BATCH = 16
_LAST_SHARE = 0.02
_WARM_UP_SHARE = 0.1
_MOST_NORM = 10.0
_FORGOTTEN = 5.0


def fine_tuned(
    checkpoint: Checkpoint,
    sample: Sample,
    *,
    tuning: Tuning,
    usual_rate: float = GENTLE,
    progress: Progress = silent,
) -> Checkpoint:
    """A checkpoint after a short training; arguments as of `fine_tune`."""
    model = restore(checkpoint)
    fine_tune(model, sample, tuning=tuning, usual_rate=usual_rate, progress=progress)
    return replace(checkpoint, weights=extract(model))


def fine_tune(
    model: keras.Model,
    sample: Sample,
    *,
    tuning: Tuning,
    usual_rate: float = GENTLE,
    progress: Progress = silent,
) -> None:
    """Train a net in place on augmented pictures.

    Args:
        model: from (B, side, side, 3) float32 in 0..1 to box codes and scores.
        sample: the pictures.
        tuning: how; after a warm-up the rate falls along a cosine.
        usual_rate: where the tuning says none.
        progress: told how far it is.
    """
    rate = tuning.rate or usual_rate
    keras.utils.set_random_seed(tuning.seed)
    loss = DetectionLoss(side_px=sample.side_px, labels=int(model.output_shape[1][-1]))
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=_MOST_NORM)
    _quicken_norms(model, tuning.steps)

    @tf.function
    def learn(images: tf.Tensor, truth: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            losses = loss(truth, *model(images, training=True))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(losses.total, weights), weights, strict=True))

    batches = _batches(sample, np.random.default_rng(tuning.seed))
    progress(0)
    for step in range(tuning.steps):
        optimizer.learning_rate.assign(rate * _share_at((step + 1) / tuning.steps))
        images, truth = next(batches)
        learn(tf.constant(images), tf.constant(truth))
        progress(step + 1)


def _quicken_norms(model: keras.Model, steps: int) -> None:
    """Let the normalisations' averages follow the changed net: a few steps must be enough to forget the old one."""
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, max(0.5, 1 - _FORGOTTEN / steps))


def _share_at(done: float) -> float:
    """Of the highest rate, when that share of the steps is done."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * done)
    return min(1.0, done / _WARM_UP_SHARE) * (cosine * (1 - _LAST_SHARE) + _LAST_SHARE)


def _batches(sample: Sample, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Augmented batches without end, each picture once an epoch."""
    size = min(_BATCH, len(sample.images))
    while True:
        order = rng.permutation(len(sample.images))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield augment.batch(
                sample.images[rows], sample.truth[rows], rng, side_px=sample.side_px
            )
