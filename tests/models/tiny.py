"""A net so small that every way of converting it can be tried: eight classes, 32 px, trained on nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged.config.settings import ModelSettings
from edged.model.load import load_model
from edged.types import Frame, PixelFormat
from edged_models.tensorflow import keras, layers

SIDE_PX = 32
CLASSES = 8


def build() -> keras.Model:
    """From (B, 32, 32, 3) in -1..1 to eight probabilities."""
    keras.utils.set_random_seed(3)
    image = layers.Input((SIDE_PX, SIDE_PX, 3))
    x = layers.Conv2D(16, 3, 2, "same", activation="relu")(image)
    x = layers.DepthwiseConv2D(3, 2, "same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    dense = layers.Dense(CLASSES, kernel_initializer=keras.initializers.RandomNormal(stddev=12.0))
    return keras.Model(image, layers.Activation("softmax")(dense(x)), name="tiny")


def pictures(count: int = 24, *, max_value: int = 255) -> list[NDArray[np.uint8]]:
    """Coloured noise, each with another mean."""
    rng = np.random.default_rng(5)
    tops = rng.integers(max_value // 4, max_value + 1, (count, 1, 1, 3))
    return list(rng.integers(0, tops, (count, 40, 48, 3), endpoint=True).astype(np.uint8))


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a runtime gave for one picture: the tensor it was fed with, and the outputs as real numbers."""

    family: str
    fed: NDArray[np.generic]
    outputs: list[NDArray[np.float32]]


def run(path: Path, runtime: str, picture: NDArray[np.uint8]) -> RunResult:
    """One picture through the daemon's own loading and encoding."""
    model = load_model(ModelSettings(path=path, runtime=runtime))
    fed = model.encoder(Frame.from_pixels(picture, PixelFormat.RGB24)).array.copy()
    raw = [output.copy() for output in model.interpreter.invoke(fed)]
    infos = model.interpreter.signature.outputs
    real = [
        (values.astype(np.float32) - info.zero_point) * (info.scale or 1.0)
        for values, info in zip(raw, infos, strict=True)
    ]
    family = model.family.name
    model.interpreter.close()
    return RunResult(family, fed, real)
