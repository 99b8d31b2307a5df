"""The fine-tuning of `foreign.yolo_head` by its outputs alone, for ``edged-models compress --train-on file.py:trainer``.

The joined output is all that a changed network still has for certain, so the loss is computed from boxes in pixels and scores.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edged_models.tensorflow import keras, tf
from foreign.yolo_head import CLASSES, _training_set, cell_centres

_BATCH, _RATE = 16, 3e-4
_EPSILON = 1e-6


def trainer(model: keras.Model, steps: int, progress: Callable[[int], None]) -> None:
    """Fine-tune a changed network in place: focal loss of the scores, and 1 - IoU of the boxes."""
    images, targets = _training_set()
    # The seed is that of `keras.utils.set_random_seed`, which the caller has set.
    rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_RATE, steps))

    @tf.function
    def step(batch: tf.Tensor, goal: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = tf.add_n([_loss(model(batch, training=True), goal), *model.losses])
        weights = model.trainable_variables
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))

    for done in range(steps):
        chosen = rng.integers(0, len(images), _BATCH)
        light = rng.uniform(0.7, 1.2, (_BATCH, 1, 1, 1))
        batch = np.clip(images[chosen] / 255 * light, 0, 1).astype(np.float32)
        step(tf.constant(batch), tf.constant(targets[chosen]))
        progress(done + 1)


def inputs() -> Iterator[NDArray[np.float32]]:
    """Yield (1, 128, 128, 3) float32 in 0..1, for the ranges of quantisation-aware training."""
    images, _ = _training_set()
    for image in images[:64]:
        yield image[None].astype(np.float32) / 255


def _loss(output: tf.Tensor, goal: tf.Tensor) -> tf.Tensor:
    """Return the loss of an output (B, 4 + classes, N) and a goal (B, N, 5): distances in strides, and class or -1."""
    cells, strides = (tf.constant(one) for one in cell_centres())
    columns = tf.transpose(output, (0, 2, 1))
    centre, size, scores = columns[..., :2], columns[..., 2:4], columns[..., 4:]
    class_ids = tf.cast(goal[..., 4], tf.int32)
    is_object = tf.cast(class_ids >= 0, tf.float32)
    count = tf.maximum(tf.reduce_sum(is_object), 1.0)
    truth = tf.one_hot(class_ids, CLASSES)
    kept = tf.clip_by_value(scores, _EPSILON, 1 - _EPSILON)
    entropy = -(truth * tf.math.log(kept) + (1 - truth) * tf.math.log(1 - kept))
    focal = entropy * tf.abs(truth - kept) ** 2 * (0.25 + 0.5 * truth)
    near, far = goal[..., :2] * strides[:, None], goal[..., 2:4] * strides[:, None]
    iou = _overlap(centre - size / 2, centre + size / 2, cells - near, cells + far)
    return (tf.reduce_sum(focal) * 4 + 1.5 * tf.reduce_sum((1 - iou) * is_object)) / count


def _overlap(
    low: tf.Tensor, high: tf.Tensor, true_low: tf.Tensor, true_high: tf.Tensor
) -> tf.Tensor:
    common = tf.maximum(tf.minimum(high, true_high) - tf.maximum(low, true_low), 0.0)
    both = tf.reduce_prod(common, -1)
    areas = tf.reduce_prod(tf.maximum(high - low, 0.0), -1) + tf.reduce_prod(
        true_high - true_low, -1
    )
    return both / (areas - both + _EPSILON)
