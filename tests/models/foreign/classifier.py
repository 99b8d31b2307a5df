"""A classifier that is not edged's: it takes pixels 0..255, normalises in a layer of its own, and has MobileNet-like blocks.

``python tests/models/foreign/classifier.py FOLDER`` writes the trained network and the pictures it learns from.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import draw_mark
from edged.marks.mark import paste
from edged_models.pictures.class_folder import try_open
from edged_models.tensorflow import keras, layers

SIDE_PX = 32
CLASSES = ("fiducial_tag", "mandatory_sign", "qr_code", "warning_sign")
"""In alphabetical order, as those of a folder."""
_PICTURE_PX = 40


def write_class_folder(folder: Path, *, count: int = 60, seed: int = 1) -> Path:
    """Write pictures of single drawn marks, one subfolder for each class.

    Args:
        folder: where to write them.
        count: number of pictures of each class.
        seed: seed of the marks, their places and the backgrounds.
    """
    rng = np.random.default_rng(seed)
    for label in CLASSES:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = _draw(label, rng)
            assert cv2.imwrite(str(folder / label / f"{number:04d}.png"), picture[..., ::-1])
    return folder


def build(*, classes: int = len(CLASSES), width: int = 16) -> keras.Model:
    """Build a network from (B, 32, 32, 3) float32 pixels 0..255 to (B, classes) float32 probabilities.

    Args:
        classes: number of classes.
        width: channels of the first layer.
    """
    image = layers.Input((SIDE_PX, SIDE_PX, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = _norm_relu6(layers.Conv2D(width, 3, 2, "same", use_bias=False)(x))
    for channels, stride in ((2 * width, 2), (2 * width, 1), (4 * width, 2)):
        y = layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(x)
        y = layers.Conv2D(channels, 1, use_bias=False)(_norm_relu6(y))
        y = _norm_relu6(y)
        x = layers.Add()([x, y]) if stride == 1 else y
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.1)(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax", name="class")(x))


def train(folder: Path, *, epochs: int = 25) -> keras.Model:
    """Train a network on a folder of classes with Keras' own `fit`.

    Args:
        folder: as `write_class_folder` writes it.
        epochs: number of epochs.
    """
    keras.utils.set_random_seed(1)
    model = build()
    images, classes = read_folder(folder)
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(images, classes, batch_size=32, epochs=epochs, verbose=0)
    return model


def read_folder(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return pictures (N, 32, 32, 3) float32, 0..255, and classes (N,) int32."""
    pictures = try_open(str(folder), None)
    assert pictures is not None
    size = (SIDE_PX, SIDE_PX)
    images = [cv2.resize(one.image, size, interpolation=cv2.INTER_LINEAR) for one in pictures]
    return np.stack(images).astype(np.float32), np.array([one.classes[0] for one in pictures])


def _norm_relu6(x):  # noqa: ANN001, ANN202
    # Few steps are enough for these averages.
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(x))


def _draw(label: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture of a mark on blurred noise: (40, 40, 3) uint8, RGB."""
    noise = rng.integers(0, 256, (_PICTURE_PX, _PICTURE_PX, 3), dtype=np.uint8)
    canvas = np.ascontiguousarray(cv2.GaussianBlur(noise, (0, 0), 4))
    mark = draw_mark(label, rng).resize(rng.uniform(0.7, 0.95) * _PICTURE_PX)
    height, width = mark.alpha.shape
    y, x = (int(rng.integers(0, _PICTURE_PX - size + 1)) for size in (height, width))
    paste(canvas[y : y + height, x : x + width], mark.rgb, mark.alpha)
    return canvas


if __name__ == "__main__":
    where = Path(sys.argv[1])
    train(write_class_folder(where / "pictures")).save(where / "classifier.keras")
