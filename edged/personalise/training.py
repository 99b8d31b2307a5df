"""Training of the last layer by the model's own signatures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edged.errors import InvokeError, ModelError
from edged.interpreters.signature_runners import SignatureRunners
from edged.types import F32, I32

SIGNATURES = ("features", "train", "infer", "get", "put")
LEARNING_RATE = 0.1
_UNSEEN_BIAS = -1e4
"""The bias of classes for which there are no pictures: their scores are 0."""
_MIN_SPREAD = 1e-3


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """The features of pictures, with their classes.

    Attributes:
        features: (N, C) float32.
        classes: (N,) int32.
    """

    features: F32
    classes: I32


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """The result of the training.

    Attributes:
        weights: (K, C) float32, for features as the model computes them.
        bias: (K,) float32.
        loss: the mean cross-entropy of the last batch.
    """

    weights: F32
    bias: F32
    loss: float


def train_layer(
    runners: SignatureRunners, samples: FeatureSet, *, class_count: int, steps: int, seed: int
) -> TrainedLayer:
    """Train the layer from zero; the same input gives the same result on the same runtime.

    Args:
        runners: the model, with `SIGNATURES`.
        samples: the features of the training pictures.
        class_count: number of classes that have pictures.
        steps: number of batches.
        seed: determines the batches.

    Raises:
        ModelError: the signatures are not those of a personalisable model, or the training diverged.
        InvokeError: the runtime failed.
    """
    mean = samples.features.mean(axis=0)
    scale = 1 / np.maximum(samples.features.std(axis=0), _MIN_SPREAD)
    normalised = np.asarray((samples.features - mean) * scale, np.float32)
    try:
        _reset(runners, class_count)
        loss = _run_steps(runners, FeatureSet(normalised, samples.classes), steps, seed)
        return _fold(runners.run("get"), mean, scale, loss)
    except (KeyError, InvokeError) as error:
        raise ModelError(f"the model cannot be trained: {error}") from error


def _fold(trained: Mapping[str, F32], mean: F32, scale: F32, loss: float) -> TrainedLayer:
    """Return the layer for features that are not normalised: (x - mean) * scale @ w + b = x @ (scale * w) + b - mean @ (scale * w)."""
    weights = trained["weights"] * scale[:, None]
    if not (np.isfinite(weights).all() and np.isfinite(loss)):
        raise ModelError("the training diverged: the features of the model are not usable")
    return TrainedLayer(
        weights=np.ascontiguousarray(weights.T, np.float32),
        bias=np.asarray(trained["bias"] - mean @ weights, np.float32),
        loss=loss,
    )


def _reset(runners: SignatureRunners, class_count: int) -> None:
    initial = runners.run("get")
    bias = np.full_like(initial["bias"], _UNSEEN_BIAS)
    bias[:class_count] = 0.0
    runners.run("put", weights=np.zeros_like(initial["weights"]), bias=bias)


def _run_steps(runners: SignatureRunners, samples: FeatureSet, steps: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    (batch,) = runners.input_shape("train", "classes")
    loss = float("inf")
    for _ in range(steps):
        drawn = rng.integers(0, len(samples.classes), batch)
        x, classes = samples.features[drawn], samples.classes[drawn]
        outputs = runners.run("train", x=x, classes=classes, rate=np.float32(LEARNING_RATE))
        loss = float(outputs["loss"])
    return loss
