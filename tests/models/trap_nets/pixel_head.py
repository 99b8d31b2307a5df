"""A detector whose head has boxes in pixels and scores in one output, as Ultralytics exports YOLOv8: it finds coloured squares."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.tensorflow import keras, layers, tf

SIDE_PX = 320
CLASSES = 3
_STRIDES = (8, 16, 32)
_GREY = 90


def build_pixel_head() -> keras.Model:
    """Build the detector: from (1, 320, 320, 3) float32 in 0..1 to (1, 4 + 3, 2100) float32."""
    image = layers.Input((SIDE_PX, SIDE_PX, 3), batch_size=1)
    levels = [_build_level(image, stride) for stride in _STRIDES]
    return keras.Model(image, layers.Concatenate(axis=2)(levels), name="pixel_head")


def _build_level(image: tf.Tensor, stride: int) -> tf.Tensor:
    cells = SIDE_PX // stride
    mean = tf.reshape(layers.AveragePooling2D(stride)(image), (1, cells * cells, 3))
    # A square fills one cell of the coarsest level; the finer ones stay silent.
    gain = 40.0 if stride == _STRIDES[-1] else 0.0
    excess = 1.5 * mean - 0.5 * tf.reduce_sum(mean, axis=2, keepdims=True)
    scores = tf.sigmoid(gain * excess - 6.0)
    centres = (np.arange(cells) + 0.5) * stride
    x, y = (table.reshape(1, -1, 1) for table in np.meshgrid(centres, centres))
    sizes = np.full_like(x, stride)
    boxes = tf.constant(np.concatenate([x, y, sizes, sizes], axis=2), tf.float32)
    drift = mean[:, :, :1] * 2.0
    return tf.transpose(tf.concat([boxes + drift, scores], axis=2), (0, 2, 1))


def draw_squares(seed: int) -> NDArray[np.uint8]:
    """Draw three coloured squares on grey noise: (320, 320, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    picture = rng.normal(_GREY, 10, (SIDE_PX, SIDE_PX, 3))
    side = _STRIDES[-1]
    for cell in rng.choice(100, 3, replace=False):
        top, left = divmod(int(cell), 10)
        part = picture[top * side : (top + 1) * side, left * side : (left + 1) * side]
        part[:, :, rng.integers(CLASSES)] += rng.uniform(110, 150)
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_squares(folder: Path, count: int) -> Path:
    """Write such pictures as files, and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        assert cv2.imwrite(str(folder / f"{seed:02}.png"), draw_squares(seed)[:, :, ::-1])
    return folder
