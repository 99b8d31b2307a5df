"""A small detector with the output of an Ultralytics YOLOv8 export: boxes in pixels and class scores in one tensor.

It is trained on drawn scenes in about three minutes of CPU time; its weights and pictures are kept under ``build/``.
``python -m foreign.yolo_head FILE.keras`` writes it as a Keras file.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import MARK_LABELS
from edged_models.files import atomic_replacement
from edged_models.pictures.open_pictures import open_pictures
from edged_models.tensorflow import keras, layers, tf

SIDE_PX = 128
CLASSES = len(MARK_LABELS)
_STRIDES = (8, 16, 32)
_LEVEL_SIDES_PX = (28, 60)
"""The longest side of a box up to which a level is responsible for it."""
_BINS = 8
"""A side of a box is the mean of a distribution over so many distances, in strides."""
_SCENES = 1600
_STEPS = 1600
_BATCH = 32
_RATE = 2e-3
_VERSION = 1
"""Raise it when the training changes: the weights under ``build/`` are kept by it."""
_BUILD = Path(__file__).parents[3] / "build" / "foreign"


def build() -> keras.Model:
    """Build the network from (1, 128, 128, 3) float32 in 0..1 to (1, 4 + classes, 336) float32.

    Rows 0 to 3 of the output are centre x, centre y, width and height in pixels, the others are scores in 0..1.
    """
    raw = build_raw()
    cells, strides = cell_centres()
    image = layers.Input((SIDE_PX, SIDE_PX, 3), batch_size=1, name="image")
    sides, logits = raw(image)
    near_far = _expected_sides(sides) * tf.constant(strides[:, None])
    top_left = tf.constant(cells) - near_far[:, :, :2]
    bottom_right = tf.constant(cells) + near_far[:, :, 2:]
    boxes = tf.concat([(top_left + bottom_right) / 2, bottom_right - top_left], -1)
    joined = layers.Concatenate(axis=-1, name="join")([boxes, tf.sigmoid(logits)])
    return keras.Model(image, layers.Permute((2, 1), name="columns")(joined), name="yolo_head")


def build_raw() -> keras.Model:
    """Build the trained part: distributions (B, N, 4, bins) and class logits (B, N, classes) of every cell."""
    image = layers.Input((SIDE_PX, SIDE_PX, 3))
    x = _convolve(image, 16, 2)
    x = _convolve(_convolve(x, 24, 2), 24, 1)
    levels = []
    for width in (40, 64, 80):
        x = _convolve(_convolve(x, width, 2), width, 1)
        levels.append(x)
    upper = layers.UpSampling2D(name="up")(_convolve(levels[1], 40, 1, size=1))
    levels[0] = _convolve(layers.Concatenate()([levels[0], upper]), 48, 1)
    heads = [_head(level, index) for index, level in enumerate(levels)]
    sides = layers.Concatenate(axis=1)([sides for sides, _ in heads])
    logits = layers.Concatenate(axis=1)([logits for _, logits in heads])
    return keras.Model(image, [layers.Reshape((-1, 4, _BINS))(sides), logits], name="raw")


def _convolve(x: tf.Tensor, width: int, stride: int, *, size: int = 3) -> tf.Tensor:
    x = layers.Conv2D(width, size, stride, "same", use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(x))


def _head(x: tf.Tensor, level: int) -> tuple[tf.Tensor, tf.Tensor]:
    cells = (SIDE_PX // _STRIDES[level]) ** 2
    x = _convolve(x, 48, 1)
    sides = layers.Conv2D(4 * _BINS, 1, name=f"sides{level}")(x)
    rare = keras.initializers.Constant(-4.6)
    logits = layers.Conv2D(CLASSES, 1, bias_initializer=rare, name=f"classes{level}")(x)
    return layers.Reshape((cells, 4 * _BINS))(sides), layers.Reshape((cells, CLASSES))(logits)


def _expected_sides(sides: tf.Tensor) -> tf.Tensor:
    distances = tf.reshape(tf.range(_BINS, dtype=tf.float32), (_BINS, 1))
    return tf.squeeze(tf.matmul(tf.nn.softmax(sides), distances), -1)


def cell_centres() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the centres of the cells (N, 2) and their strides (N,), float32, in pixels."""
    centres, strides = [], []
    for stride in _STRIDES:
        line = np.arange(SIDE_PX // stride) * stride + stride / 2
        x, y = np.meshgrid(line, line)
        centres.append(np.stack([x.ravel(), y.ravel()], -1))
        strides.append(np.full(x.size, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def trained() -> keras.Model:
    """Return the trained network; it is trained if its weights are not under ``build/``."""
    path = _BUILD / f"yolo-head-{_VERSION}.h5"
    net = build()
    raw = net.get_layer("raw")
    if path.is_file():
        raw.load_weights(path)
    else:
        _train(raw)
        with atomic_replacement(path) as partial:
            raw.save_weights(partial)
    return net


def _train(raw: keras.Model) -> None:
    keras.utils.set_random_seed(1)
    images, targets = _training_set()
    rate = keras.optimizers.schedules.CosineDecay(_RATE, _STEPS)
    optimizer = keras.optimizers.Adam(rate)
    rng = np.random.default_rng(1)

    @tf.function
    def step(batch: tf.Tensor, goal: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = _loss(*raw(batch, training=True), goal)
        gradients = tape.gradient(loss, raw.trainable_variables)
        optimizer.apply_gradients(zip(gradients, raw.trainable_variables, strict=True))

    for _ in range(_STEPS):
        chosen = rng.integers(0, len(images), _BATCH)
        light = rng.uniform(0.7, 1.2, (_BATCH, 1, 1, 1))
        batch = np.clip(images[chosen] / 255 * light, 0, 1).astype(np.float32)
        goal = targets[chosen]
        if rng.random() < 0.5:  # half of the batches are mirrored
            batch, goal = _mirror(batch, goal)
        step(tf.constant(batch), tf.constant(goal))


def _mirror(
    batch: NDArray[np.float32], goal: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    order = []
    for stride in _STRIDES:
        side = SIDE_PX // stride
        order.append(
            np.arange(side * side).reshape(side, side)[:, ::-1].ravel() + sum(map(len, order))
        )
    flipped = goal[:, np.concatenate(order)][..., [2, 1, 0, 3, 4]]
    return batch[:, :, ::-1], flipped


def _loss(sides: tf.Tensor, logits: tf.Tensor, goal: tf.Tensor) -> tf.Tensor:
    """Return focal loss of the classes, and cross-entropy of distances beside 1 - IoU of the boxes."""
    class_ids = tf.cast(goal[..., 4], tf.int32)
    is_object = tf.cast(class_ids >= 0, tf.float32)
    count = tf.maximum(tf.reduce_sum(is_object), 1.0)
    truth = tf.one_hot(class_ids, CLASSES)
    scores = tf.sigmoid(logits)
    focus = tf.abs(truth - scores) ** 2 * (0.25 + 0.5 * truth)
    classes = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits) * focus
    wanted = tf.clip_by_value(goal[..., :4], 0.0, _BINS - 1.01)
    low = tf.floor(wanted)
    share = (wanted - low)[..., None]
    low = tf.cast(low, tf.int32)
    spread = tf.one_hot(low, _BINS) * (1 - share) + tf.one_hot(low + 1, _BINS) * share
    distances = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(spread, sides), -1)
    found = _expected_sides(sides)
    smaller, larger = tf.minimum(found, wanted), tf.maximum(found, wanted)
    common = (smaller[..., 0] + smaller[..., 2]) * (smaller[..., 1] + smaller[..., 3])
    hull = (larger[..., 0] + larger[..., 2]) * (larger[..., 1] + larger[..., 3])
    boxes = 0.5 * distances + 1.5 * (1 - common / (hull + 1e-6))
    return (tf.reduce_sum(classes) * 4 + tf.reduce_sum(boxes * is_object)) / count


def _training_set() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return pictures (B, 128, 128, 3) uint8 and their targets (B, N, 5) float32; see `_targets`."""
    path = _BUILD / f"scenes-{_SCENES}-{SIDE_PX}.npz"
    if not path.is_file():
        images, targets = [], []
        for picture in open_pictures(f"scenes:train:{_SCENES}"):
            size = (SIDE_PX, SIDE_PX)
            images.append(cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA))
            targets.append(_targets(picture.boxes * SIDE_PX, picture.classes))
        with atomic_replacement(path) as partial:
            np.savez(partial, images=np.stack(images), targets=np.stack(targets))
    with np.load(path) as held:
        return held["images"], held["targets"]


def _targets(boxes: NDArray[np.float32], classes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return for each cell the distances to the sides of its box, in strides, and its class; -1 for background."""
    cells, strides = cell_centres()
    targets = np.full((len(cells), 5), -1, np.float32)
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)) if len(boxes) else []
    for index in order:
        box = boxes[index]
        longest = max(box[2] - box[0], box[3] - box[1])
        stride = _STRIDES[int(np.searchsorted(_LEVEL_SIDES_PX, longest))]
        offset = np.abs(cells - (box[:2] + box[2:]) / 2).max(axis=1) / stride
        inside = ((cells > box[:2]) & (cells < box[2:])).all(axis=1)
        nearest = np.where(strides == stride, offset, np.inf)
        chosen = (nearest <= 1.0) & inside  # one cell to each side
        chosen[int(nearest.argmin())] = True
        near = (cells[chosen] - box[:2]) / stride
        far = (box[2:] - cells[chosen]) / stride
        targets[chosen] = np.c_[near, far, np.full(len(near), classes[index])]
    return targets


if __name__ == "__main__":
    trained().save(sys.argv[1])
