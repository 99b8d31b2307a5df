"""An untrained network, small enough to test every kind of conversion: eight classes, 32 px."""

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
    """Build a network from (B, 32, 32, 3) float32 in -1..1 to (B, 8) float32 probabilities."""
    keras.utils.set_random_seed(3)
    image = layers.Input((SIDE_PX, SIDE_PX, 3))
    x = layers.Conv2D(16, 3, 2, "same", activation="relu")(image)
    x = layers.DepthwiseConv2D(3, 2, "same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    dense = layers.Dense(CLASSES, kernel_initializer=keras.initializers.RandomNormal(stddev=12.0))
    return keras.Model(image, layers.Activation("softmax")(dense(x)), name="tiny")


def pictures(count: int = 24, *, max_value: int = 255) -> list[NDArray[np.uint8]]:
    """Return pictures of coloured noise with different means: (40, 48, 3) uint8, RGB."""
    rng = np.random.default_rng(5)
    tops = rng.integers(max_value // 4, max_value + 1, (count, 1, 1, 3))
    return list(rng.integers(0, tops, (count, 40, 48, 3), endpoint=True).astype(np.uint8))


@dataclass(frozen=True, slots=True)
class RunResult:
    """Input and outputs of a runtime for one picture.

    Attributes:
        family: name of the model's family.
        tensor: (1, H, W, C), the model's input in its dtype.
        outputs: dequantised outputs of any shape, float32.
    """

    family: str
    tensor: NDArray[np.generic]
    outputs: list[NDArray[np.float32]]


def run(path: Path, runtime: str, picture: NDArray[np.uint8]) -> RunResult:
    """Run a model on one picture with the daemon's own loading and encoding.

    Args:
        path: the model.
        runtime: name in `edged.registry.INTERPRETERS`.
        picture: (H, W, 3) uint8, RGB.
    """
    model = load_model(ModelSettings(path=path, runtime=runtime))
    tensor = model.encoder(Frame.from_pixels(picture, PixelFormat.RGB24)).array.copy()
    raw = [output.copy() for output in model.interpreter.invoke(tensor)]
    infos = model.interpreter.signature.outputs
    real = [
        (values.astype(np.float32) - info.zero_point) * (info.scale or 1.0)
        for values, info in zip(raw, infos, strict=True)
    ]
    family = model.family.name
    model.interpreter.close()
    return RunResult(family, tensor, real)
