"""A small SSD that is not edged's: the Object Detection API's standard anchors, box codes and class scores with a background.

``python -m foreign.ssd FILE.keras`` writes it as a Keras file; it is trained on drawn scenes in about two minutes of CPU time, and its
weights are kept under ``build/``. ``tests/models/foreign/ssd.py:trainer`` fine-tunes it for ``edged-models compress --train-on``.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.families.ssd_anchors import make_standard_anchors
from edged.marks import MARK_LABELS
from edged.types import InputSpec, TensorInfo
from edged_models.files import atomic_replacement
from edged_models.pictures.open_pictures import open_pictures
from edged_models.tensorflow import keras, layers, tf

SIDE_PX = 128
CLASSES = len(MARK_LABELS)
_ANCHORS_PER_CELL = (3, 6, 6, 6, 6, 6)
_WIDTHS = (64, 80, 64, 48, 48, 48)
_CODE_SCALES = np.array([10.0, 10.0, 5.0, 5.0], np.float32)
_MIN_IOU = 0.45
_NEGATIVES_PER_POSITIVE = 3.0
_SCENES, _STEPS, _BATCH, _RATE = 1000, 1200, 16, 3e-3
_FINE_TUNING_RATE = 5e-4
_VERSION = 1
"""Raise it when the training changes: the weights under ``build/`` are kept by it."""
_BUILD = Path(__file__).parents[3] / "build" / "foreign"

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def build() -> keras.Model:
    """Build the network from (B, 128, 128, 3) float32 in -1..1 to box codes (B, N, 4) and scores (B, N, 1 + classes)."""
    image = layers.Input((SIDE_PX, SIDE_PX, 3), name="image")
    x = _convolve(image, 16, 2)
    for width in (24, 40):
        x = _separable(_separable(x, width, 2), width, 1)
    codes, scores = [], []
    for level, width in enumerate(_WIDTHS):
        x = _separable(x, width, 2)
        features = _separable(x, width, 1) if level == 0 else x
        for kind, size, found in (("codes", 4, codes), ("classes", 1 + CLASSES, scores)):
            out = layers.Conv2D(size * _ANCHORS_PER_CELL[level], 1, name=f"{kind}{level}")
            found.append(layers.Reshape((-1, size))(out(features)))
    all_codes = layers.Concatenate(axis=1, name="boxes")(codes)
    logits = layers.Concatenate(axis=1, name="logits")(scores)
    return keras.Model(
        image, [all_codes, layers.Activation("softmax", name="scores")(logits)], name="ssd"
    )


def trained() -> keras.Model:
    """Return the trained network; it is trained if its weights are not under ``build/``."""
    path = _BUILD / f"ssd-{_VERSION}.h5"
    net = build()
    if path.is_file():
        net.load_weights(path)
    else:
        keras.utils.set_random_seed(1)
        _train(net, _STEPS, _RATE, lambda _: None)
        with atomic_replacement(path) as partial:
            net.save_weights(partial)
    return net


def trainer(model: keras.Model, steps: int, progress: Callable[[int], None]) -> None:
    """Fine-tune a changed network in place, as ``--train-on file.py:trainer`` calls it."""
    _train(model, steps, _FINE_TUNING_RATE, progress)


def inputs() -> Iterator[NDArray[np.float32]]:
    """Yield (1, 128, 128, 3) float32 in -1..1, for the ranges of quantisation-aware training."""
    images, _ = _training_set()
    for image in images[:64]:
        yield _normalise(image[None])


def _convolve(x: tf.Tensor, width: int, stride: int) -> tf.Tensor:
    x = layers.Conv2D(width, 3, stride, "same", use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(x))


def _separable(x: tf.Tensor, width: int, stride: int) -> tf.Tensor:
    x = layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(x))
    x = layers.Conv2D(width, 1, use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(x))


def _train(model: keras.Model, steps: int, rate: float, progress: Callable[[int], None]) -> None:
    images, targets = _training_set()
    # The seed is that of `keras.utils.set_random_seed`, which the caller has set.
    rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))

    @tf.function
    def step(batch: tf.Tensor, goal: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = tf.add_n([_loss(*model(batch, training=True), goal), *model.losses])
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    for done in range(steps):
        chosen = rng.integers(0, len(images), _BATCH)
        light = rng.uniform(0.7, 1.2, (_BATCH, 1, 1, 1))
        batch = _normalise(np.clip(images[chosen] * light, 0, 255))
        step(tf.constant(batch), tf.constant(targets[chosen]))
        progress(done + 1)


def _normalise(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    return (pixels.astype(np.float32) - 127.5) / 127.5


def _loss(codes: tf.Tensor, scores: tf.Tensor, goal: tf.Tensor) -> tf.Tensor:
    """Return the loss of Liu et al. 2016: smooth L1 of the codes, and cross-entropy of the classes with the hardest negatives."""
    class_ids = tf.cast(goal[..., 4], tf.int32)
    positive = tf.cast(class_ids > 0, tf.float32)
    count = tf.maximum(tf.reduce_sum(positive), 1.0)
    error = tf.abs(codes - goal[..., :4])
    smooth = tf.where(error < 1, error**2 / 2, error - 0.5)
    boxes = tf.reduce_sum(tf.reduce_sum(smooth, -1) * positive)
    entropy = tf.keras.losses.sparse_categorical_crossentropy(class_ids, scores)
    negative = tf.sort(tf.reshape(entropy * (1 - positive), [-1]), direction="DESCENDING")
    hardest = negative[: tf.cast(_NEGATIVES_PER_POSITIVE * count, tf.int32)]
    return (boxes + tf.reduce_sum(entropy * positive) + tf.reduce_sum(hardest)) / count


def _training_set() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return pictures (B, 128, 128, 3) uint8, and for each anchor its code and class (B, N, 5) float32; class 0 is background."""
    path = _BUILD / f"ssd-scenes-{_SCENES}-{SIDE_PX}.npz"
    if not path.is_file():
        anchors = _anchors()
        images, targets = [], []
        for picture in open_pictures(f"scenes:train:{_SCENES}"):
            size = (SIDE_PX, SIDE_PX)
            images.append(cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA))
            targets.append(_targets(picture.boxes, picture.classes, anchors))
        with atomic_replacement(path) as partial, partial.open("wb") as file:
            np.savez(file, images=np.stack(images), targets=np.stack(targets))
    with np.load(path) as held:
        return held["images"], held["targets"]


def _anchors() -> NDArray[np.float32]:
    tensor = TensorInfo(index=0, name="image", shape=(1, SIDE_PX, SIDE_PX, 3), dtype="float32")
    spec = InputSpec(tensor=tensor, width=SIDE_PX, height=SIDE_PX)
    return make_standard_anchors(spec)


def _targets(
    boxes: NDArray[np.float32], classes: NDArray[np.int32], anchors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Match anchors with the box that they overlap most; each box has at least one."""
    targets = np.zeros((len(anchors), 5), np.float32)
    if not len(boxes):
        return targets
    iou = _overlaps(anchors, boxes)
    best = iou.argmax(axis=1)
    matched = iou.max(axis=1) >= _MIN_IOU
    nearest = iou.argmax(axis=0)
    best[nearest], matched[nearest] = np.arange(len(boxes)), True
    box, anchor = boxes[best[matched]], anchors[matched]
    centre = (box[:, [1, 0]] + box[:, [3, 2]]) / 2
    size = box[:, [3, 2]] - box[:, [1, 0]]
    code = np.c_[(centre - anchor[:, :2]) / anchor[:, 2:], np.log(size / anchor[:, 2:])]
    targets[matched, :4] = code * _CODE_SCALES
    targets[matched, 4] = 1 + classes[best[matched]]
    return targets


def _overlaps(anchors: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection over union of anchors (N, 4) as centre and size, and boxes (M, 4): (N, M) float32."""
    low, high = anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2
    box_low, box_high = boxes[:, [1, 0]], boxes[:, [3, 2]]
    common = np.minimum(high[:, None], box_high) - np.maximum(low[:, None], box_low)
    both = np.prod(np.maximum(common, 0), axis=-1)
    areas = np.prod(high - low, axis=-1)[:, None] + np.prod(box_high - box_low, axis=-1)
    return (both / (areas - both)).astype(np.float32)


if __name__ == "__main__":
    trained().save(sys.argv[1])
