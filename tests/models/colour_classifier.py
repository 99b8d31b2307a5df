"""A classifier of the mean colour with weights set by hand, and pictures for it, of which some are hard."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.conversion.metadata import attach_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.tensorflow import keras, layers, tf

SIDE_PX = 32
COLOURS = {
    "red": (1, -1, -1),
    "green": (-1, 1, -1),
    "blue": (-1, -1, 1),
    "yellow": (1, 1, -1),
    "light cyan": (-1, 1, 1),
    "magenta": (1, -1, 1),
    "white": (1, 1, 1),
}
"""The colours by label, in -1..1."""
LABELS = tuple(COLOURS)


def write_classifier(
    path: Path, *, gain: float = 1.0, damage: float = 0.0, labels: tuple[str, ...] = LABELS
) -> Path:
    """Write a float classifier of (1, 32, 32, 3) in -1..1 to (1, 7) probabilities.

    Args:
        path: of the .tflite.
        gain: how sure it is.
        damage: how far its weights are off; 0 for none.
        labels: written into the file.
    """
    prototypes = np.array(list(COLOURS.values()), np.float32)
    noise = np.random.default_rng(2).normal(0, damage, prototypes.T.shape)
    image = layers.Input((SIDE_PX, SIDE_PX, 3), batch_size=1)
    dense = layers.Dense(len(COLOURS), activation="softmax")
    net = keras.Model(image, dense(layers.GlobalAveragePooling2D()(image)))
    dense.set_weights(
        [
            (gain * 2 * (prototypes.T + noise)).astype(np.float32),
            -gain * (prototypes**2).sum(axis=1),
        ]
    )
    content = tf.lite.TFLiteConverter.from_keras_model(net).convert()
    path.write_bytes(
        attach_metadata(content, ModelMetadata(labels=labels, mean=(127.5,), std=(127.5,)))
    )
    return path


def draw_colour(label: str, *, seed: int, purity: float) -> NDArray[np.uint8]:
    """Draw noise around a colour: (32, 32, 3) uint8, RGB.

    Args:
        label: name of the colour.
        seed: seed of the noise.
        purity: 1 for the colour itself, 0 for one in the middle between all.
    """
    rng = np.random.default_rng(seed)
    mean = purity * np.array(COLOURS[label]) + (1 - purity) * rng.uniform(-1, 1, 3)
    pixels = mean + rng.normal(0, 0.2, (SIDE_PX, SIDE_PX, 3))
    return np.clip(np.round((pixels + 1) * 127.5), 0, 255).astype(np.uint8)


def write_colours(folder: Path, *, per_class: int, seed: int = 0) -> Path:
    """Write a folder with a subfolder for each colour; the later a picture, the less pure its colour.

    Args:
        folder: the folder to make.
        per_class: number of pictures of each colour.
        seed: seed of all.
    """
    for number, label in enumerate(LABELS):
        (folder / label).mkdir(parents=True)
        for i in range(per_class):
            picture = draw_colour(
                label, seed=seed + 1000 * number + i, purity=1 - 0.8 * i / per_class
            )
            path = folder / label / f"{label.split()[0]}-{i:02}.png"
            assert cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return folder
