"""The kinds of traps; a seed chooses how hard each is."""

from collections.abc import Callable

import numpy as np

from edged_models.tensorflow import layers, tf
from trap_nets.trap_net import Trap, TrapNet, build_net

Rng = np.random.Generator


def build_trap_net(number: int) -> TrapNet:
    """Build the net of a number: its kinds take turns."""
    make = _KINDS[number % len(_KINDS)]
    return build_net(make(np.random.default_rng(number)), number)


def _rescaling(rng: Rng) -> Trap:
    scale, offset = [(1 / 255, 0.0), (1 / 127.5, -1.0), (1 / 255, -0.5)][rng.integers(3)]
    return Trap(name="rescaling", front=layers.Rescaling(scale, offset), takes_pixels=True)


def _normalization(rng: Rng) -> Trap:
    mean, variance = rng.uniform(100, 140, 3), rng.uniform(40, 70, 3) ** 2
    layer = layers.Normalization(mean=mean.tolist(), variance=variance.tolist())
    return Trap(name="normalization", front=layer, takes_pixels=True)


def _mixed_ranges(rng: Rng) -> Trap:
    largest = float(rng.choice([32.0, 320.0, 640.0]))

    def end(logits: tf.Tensor) -> tf.Tensor:
        scores = layers.Softmax()(logits)
        coordinates = layers.Lambda(lambda x: largest * tf.sigmoid(x[:, :4]), name="pixels")(logits)
        return layers.Reshape((1, 10))(layers.Concatenate()([coordinates, scores]))

    return Trap(name="mixed", end=end)


def _saturated(rng: Rng) -> Trap:
    gain = float(10 ** rng.uniform(0.5, 2.5))
    return Trap(name="saturated", middle=lambda x: tf.tanh(gain * (x - 0.3)))


def _clipped(rng: Rng) -> Trap:
    gain = float(10 ** rng.uniform(0.5, 2.0))
    return Trap(name="clipped", middle=lambda x: tf.nn.relu6(gain * x))


def _outlier(rng: Rng) -> Trap:
    factor = 10 ** rng.uniform(1.0, 4.0)
    channels = [1.0] * 8
    channels[rng.integers(8)] = factor
    scale = tf.constant(channels, tf.float32)
    return Trap(
        name="outlier", middle=lambda x: x * scale, next_scale=tuple(1 / one for one in channels)
    )


def _huge_weights(rng: Rng) -> Trap:
    factor = float(10 ** rng.uniform(3.0, 8.0))
    return Trap(name="huge", first_scale=factor, next_scale=(1 / factor,) * 8)


def _tiny_outputs(rng: Rng) -> Trap:
    return Trap(name="tiny", gain=float(10 ** rng.uniform(-3.0, 0.0)))


def _constant_channels(rng: Rng) -> Trap:
    constants = np.where(rng.random(8) < 0.3, 10 ** rng.uniform(0.5, 3.0), 0.0)
    return Trap(name="constant", middle=lambda x: x + tf.constant(constants, tf.float32))


def _dead_layers(rng: Rng) -> Trap:
    offsets = np.where(rng.random(8) < 0.6, -(10 ** rng.uniform(1.0, 3.0)), 0.0)
    offsets[rng.integers(8)] = 0.0

    def middle(x: tf.Tensor) -> tf.Tensor:
        alive = tf.nn.relu(x + tf.constant(offsets, tf.float32))
        dead = layers.Conv2D(8, 1, activation="relu", bias_initializer=_minus(1e4))(x)
        return layers.Add()([alive, dead])

    return Trap(name="dead", middle=middle)


def _minus(value: float) -> Callable[..., tf.Tensor]:
    return lambda shape, dtype=None: tf.fill(shape, tf.cast(-value, dtype))


_KINDS: tuple[Callable[[Rng], Trap], ...] = (
    _rescaling,
    _mixed_ranges,
    _outlier,
    _huge_weights,
    _normalization,
    _tiny_outputs,
    _saturated,
    _constant_channels,
    _clipped,
    _dead_layers,
)
