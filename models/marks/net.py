"""The net: a small single-shot detector on three levels, made of ops that the EdgeTPU's compiler takes.

About 270,000 parameters. A backbone of plain and separable convolutions with shortcuts, a feature pyramid from coarse to fine, and on
each level one head: four box codes and a score for each class at every cell.
"""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # before TensorFlow is imported

import tensorflow as tf

from models.marks.anchors import STRIDES_PX

keras = tf.keras
layers = tf.keras.layers

_STAGES = (16, 32, 48, 80, 128)
_PYRAMID = 64
_RARE = -4.6
"""The logit of 1 %: most cells are empty, and the first steps should not be spent on learning that (RetinaNet)."""


class Enlarge(layers.Layer):
    """Twice as high and wide, each value four times.

    Keras' own UpSampling2D becomes an op version that the EdgeTPU's compiler refuses.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """(B, H, W, C) -> (B, 2H, 2W, C)."""
        size = (2 * inputs.shape[1], 2 * inputs.shape[2])
        return tf.raw_ops.ResizeNearestNeighbor(images=inputs, size=size, half_pixel_centers=False)


def build(*, side_px: int, labels: int) -> keras.Model:
    """The untrained net.

    Args:
        side_px: of the square input, a multiple of 32.
        labels: how many classes.

    Returns:
        A model from (B, side, side, 3) float32 RGB in 0..1 to ``boxes`` (B, N, 4), codes as `anchors.decode` reads them,
        and ``scores`` (B, N, labels) in 0..1, both in the order of `anchors.anchors`.
    """
    image = layers.Input((side_px, side_px, 3), name="image")
    features = _backbone(image)
    boxes, scores = [], []
    for stride_px, level in zip(STRIDES_PX, _pyramid(features), strict=True):
        name = f"head{stride_px}"
        x = _separable(_separable(level, _PYRAMID, f"{name}_a"), _PYRAMID, f"{name}_b")
        cells = (side_px // stride_px) ** 2
        box = layers.Conv2D(4, 1, name=f"{name}_box")(x)
        rare = keras.initializers.Constant(_RARE)
        score = layers.Conv2D(labels, 1, bias_initializer=rare, name=f"{name}_score")(x)
        boxes.append(layers.Reshape((cells, 4), name=f"{name}_boxes")(box))
        scores.append(layers.Reshape((cells, labels), name=f"{name}_scores")(score))
    all_boxes = layers.Concatenate(axis=1, name="boxes")(boxes)
    logits = layers.Concatenate(axis=1, name="logits")(scores)
    return keras.Model(image, [all_boxes, layers.Activation("sigmoid", name="scores")(logits)])


def _backbone(image: tf.Tensor) -> list[tf.Tensor]:
    """Features at strides 8, 16 and 32."""
    x = _convolution(image, _STAGES[0], 3, "stem", stride=2)
    x = _convolution(x, _STAGES[1], 3, "stage4", stride=2)
    features = []
    # Wide depthwise kernels where they are cheap: a large mark must be seen as a whole.
    for stride_px, channels, kernel in zip(STRIDES_PX, _STAGES[2:], (3, 5, 5), strict=True):
        name = f"stage{stride_px}"
        x = _convolution(x, channels, 3, name, stride=2)
        for block in ("a", "b"):
            branch = _separable(x, channels, f"{name}{block}", kernel=kernel)
            x = layers.Add(name=f"{name}{block}_sum")([x, branch])
        features.append(x)
    return features


def _pyramid(features: list[tf.Tensor]) -> list[tf.Tensor]:
    """The same strides, the coarse ones' knowledge added to the finer ones."""
    coarse = _convolution(features[-1], _PYRAMID, 1, "lateral32")
    levels = [coarse]
    for stride_px, feature in zip(STRIDES_PX[-2::-1], features[-2::-1], strict=True):
        lateral = _convolution(feature, _PYRAMID, 1, f"lateral{stride_px}")
        enlarged = Enlarge(name=f"enlarge{stride_px}")(coarse)
        merged = layers.Add(name=f"merge{stride_px}")([enlarged, lateral])
        coarse = _separable(merged, _PYRAMID, f"pyramid{stride_px}")
        levels.insert(0, coarse)
    return levels


def _convolution(
    x: tf.Tensor, channels: int, kernel: int, name: str, *, stride: int = 1
) -> tf.Tensor:
    x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(x)
    return _normalised(x, name)


def _separable(x: tf.Tensor, channels: int, name: str, *, kernel: int = 3) -> tf.Tensor:
    """A convolution within each channel, then one across them."""
    x = layers.DepthwiseConv2D(kernel, 1, "same", use_bias=False, name=f"{name}_depth")(x)
    return _convolution(_normalised(x, f"{name}_depth"), channels, 1, f"{name}_point")


def _normalised(x: tf.Tensor, name: str) -> tf.Tensor:
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    # ReLU6 keeps activations in a range that eight bits resolve.
    return layers.ReLU(6.0, name=f"{name}_act")(x)
