"""The network: a small single-shot detector on three levels, made of ops that the EdgeTPU's compiler accepts.

It has a backbone of plain and separable convolutions with shortcuts, a feature pyramid from coarse to fine, and one head on each
level, which gives four box codes and a score for each class at every cell. It has about 270,000 parameters at the standard width.
"""

from edged.families.ssd_raw import STRIDES_PX
from edged_models.detector.architecture import Architecture
from edged_models.tensorflow import keras, layers, tf

_PRIOR_LOGIT = -4.6
"""The logit of 1 %: most cells are empty, and the first training steps should not be spent on learning that (RetinaNet)."""


class Upsample2x(layers.Layer):
    """A layer that doubles height and width by repeating each value.

    Keras' own UpSampling2D is converted to an op version that the EdgeTPU's compiler rejects.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Enlarge (B, H, W, C) float32 to (B, 2H, 2W, C)."""
        height, width = inputs.shape[1:3]
        size = (2 * height, 2 * width) if height and width else 2 * tf.shape(inputs)[1:3]
        return tf.raw_ops.ResizeNearestNeighbor(images=inputs, size=size, half_pixel_centers=False)


def build(architecture: Architecture, *, side_px: int | None = None) -> keras.Model:
    """Build the network with random weights.

    Args:
        architecture: its channels and classes.
        side_px: side of the square input, a multiple of 32; None for any such side, to train on several.

    Returns:
        A model that maps (B, side, side, 3) float32 RGB in 0..1 to ``boxes`` (B, N, 4) float32, box codes of
        `edged.families.ssd_raw`, and ``scores`` (B, N, labels) float32 in 0..1. Both are in the order of `make_anchors`.
    """
    return _Builder(architecture).model(side_px)


class _Builder:
    """Builds the layers under the names of their stored weights."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture

    def model(self, side_px: int | None) -> keras.Model:
        image = layers.Input((side_px, side_px, 3), name="image")
        boxes, scores = [], []
        levels = self._pyramid(self._backbone(image))
        for stride_px, level, (first, second) in zip(
            STRIDES_PX, levels, self._architecture.heads, strict=True
        ):
            name = f"head{stride_px}"
            x = self._separable(level, first, f"{name}_a")
            x = self._separable(x, second, f"{name}_b")
            cells = -1 if side_px is None else (side_px // stride_px) ** 2
            level_boxes, level_scores = self._head_outputs(x, cells, name)
            boxes.append(level_boxes)
            scores.append(level_scores)
        all_boxes = layers.Concatenate(axis=1, name="boxes")(boxes)
        logits = layers.Concatenate(axis=1, name="logits")(scores)
        outputs = [all_boxes, layers.Activation("sigmoid", name="scores")(logits)]
        # With a fixed name the converted file does not depend on how many networks were built before.
        return keras.Model(image, outputs, name="detector")

    def _backbone(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Return the features at strides 8, 16 and 32."""
        x = self._convolution(image, self._architecture.stem, 3, "stem", stride=2)
        x = self._convolution(x, self._architecture.stages[0], 3, "stage4", stride=2)
        features = []
        # Wide depthwise kernels where they are cheap: the receptive field must cover large marks.
        for stride_px, channels, kernel in zip(
            STRIDES_PX, self._architecture.stages[1:], (3, 5, 5), strict=True
        ):
            name = f"stage{stride_px}"
            x = self._convolution(x, channels, 3, name, stride=2)
            for block in ("a", "b"):
                branch = self._separable(x, channels, f"{name}{block}", kernel=kernel)
                x = layers.Add(name=f"{name}{block}_sum")([x, branch])
            features.append(x)
        return features

    def _pyramid(self, features: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return the features of the same strides, with those of the coarser ones added to the finer ones."""
        channels = self._architecture.pyramid
        coarse = self._pointwise(features[-1], channels, "lateral32")
        levels = [coarse]
        for stride_px, feature in zip(STRIDES_PX[-2::-1], features[-2::-1], strict=True):
            lateral = self._pointwise(feature, channels, f"lateral{stride_px}")
            enlarged = Upsample2x(name=f"enlarge{stride_px}")(coarse)
            merged = layers.Add(name=f"merge{stride_px}")([enlarged, lateral])
            coarse = self._separable(merged, channels, f"pyramid{stride_px}")
            levels.insert(0, coarse)
        return levels

    def _head_outputs(self, x: tf.Tensor, cells: int, name: str) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the box codes and the logits of a level, each with its cells in one dimension."""
        box = layers.Conv2D(4, 1, name=f"{name}_box")(x)
        bias = keras.initializers.Constant(_PRIOR_LOGIT)
        classes = len(self._architecture.labels)
        score = layers.Conv2D(classes, 1, bias_initializer=bias, name=f"{name}_score")(x)
        boxes = layers.Reshape((cells, 4), name=f"{name}_boxes")(box)
        return boxes, layers.Reshape((cells, classes), name=f"{name}_scores")(score)

    def _separable(self, x: tf.Tensor, channels: int, name: str, *, kernel: int = 3) -> tf.Tensor:
        """Add a depthwise convolution and a pointwise one."""
        x = layers.DepthwiseConv2D(kernel, 1, "same", use_bias=False, name=f"{name}_depth")(x)
        return self._pointwise(_normalise(x, f"{name}_depth"), channels, f"{name}_point")

    def _pointwise(self, x: tf.Tensor, channels: int, name: str) -> tf.Tensor:
        """Add a pointwise convolution; two factors if the architecture has a rank for it."""
        if rank := self._architecture.ranks.get(name):
            x = layers.Conv2D(rank, 1, use_bias=False, name=f"{name}_thin")(x)
        return self._convolution(x, channels, 1, name)

    def _convolution(
        self, x: tf.Tensor, channels: int, kernel: int, name: str, *, stride: int = 1
    ) -> tf.Tensor:
        x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(x)
        return _normalise(x, name)


def _normalise(x: tf.Tensor, name: str) -> tf.Tensor:
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    # ReLU6 keeps activations in a range that eight bits resolve.
    return layers.ReLU(6.0, name=f"{name}_act")(x)
