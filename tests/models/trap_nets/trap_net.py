"""The network that all traps are built into: random convolutions, and a readout that is fitted by least squares."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.tensorflow import keras, layers, tf
from trap_nets.colour_task import CLASSES, SIDE_PX, draw_pictures

F32 = NDArray[np.float32]
Part = Callable[[tf.Tensor], tf.Tensor]
_TRAINING_SEED = 11
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """What a net is built with.

    Attributes:
        name: its kind.
        front: layers behind the input.
        middle: layers between the two convolutions.
        next_scale: factor of the second convolution's kernel for each of its 8 input channels: (8,) float.
        first_scale: factor of the first convolution's kernel.
        gain: factor of the logits.
        end: from logits (B, 6) to the output.
        takes_pixels: whether the net takes pixels 0..255, else -1..1.
    """

    name: str
    front: Part = lambda x: x
    middle: Part = lambda x: x
    next_scale: tuple[float, ...] = (1.0,) * 8
    first_scale: float = 1.0
    gain: float = 12.0
    end: Part = tf.nn.softmax
    takes_pixels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapNet:
    """A trained net with a trap.

    Attributes:
        name: kind and seed.
        net: the network, from (B, 32, 32, 3) float32 to (B, 6) or (B, 4 + 6).
        takes_pixels: whether it takes pixels 0..255, else -1..1.
    """

    name: str
    net: keras.Model
    takes_pixels: bool

    def encode(self, pictures: NDArray[np.uint8]) -> F32:
        """Return the inputs that the net was trained with: (N, 32, 32, 3) float32 of the same in uint8."""
        return encode(pictures, takes_pixels=self.takes_pixels)

    def classify(self, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the classes, (N,) int64, that the network itself gives pictures, (N, 32, 32, 3) uint8."""
        return read_classes(self.net(self.encode(pictures), training=False).numpy())


def encode(pictures: NDArray[np.uint8], *, takes_pixels: bool) -> F32:
    """Return pixels as they are, or in -1..1: float32 in the shape of `pictures`."""
    values = pictures.astype(np.float32)
    return values if takes_pixels else (values - 127.5) / 127.5


def read_classes(outputs: F32) -> NDArray[np.int64]:
    """Return the best classes, (N,) int64, of outputs (N, ..) float32 whose last 6 columns are scores."""
    return outputs.reshape(len(outputs), -1)[:, -CLASSES:].argmax(axis=1)


def build_net(trap: Trap, seed: int) -> TrapNet:
    """Build and fit a net."""
    keras.utils.set_random_seed(seed)
    image = layers.Input((SIDE_PX, SIDE_PX, 3))
    first = layers.Conv2D(8, 3, 2, "same", name="first")
    second = layers.Conv2D(16, 3, 2, "same", activation="relu", name="second")
    x = trap.middle(layers.ReLU()(first(trap.front(image))))
    features = layers.GlobalAveragePooling2D()(second(x))
    readout = layers.Dense(CLASSES, name="readout")
    net = keras.Model(image, trap.end(readout(features)), name=f"trap{seed}")
    first.set_weights([one * trap.first_scale for one in first.get_weights()])
    kernel, bias = second.get_weights()
    second.set_weights([kernel * np.float32(trap.next_scale)[None, None, :, None], bias])
    _fit(readout, keras.Model(image, features), trap)
    return TrapNet(name=f"{trap.name}-{seed}", net=net, takes_pixels=trap.takes_pixels)


def _fit(readout: layers.Dense, extractor: keras.Model, trap: Trap) -> None:
    pictures, classes = draw_pictures(300, _TRAINING_SEED)
    inputs = encode(pictures, takes_pixels=trap.takes_pixels)
    features = extractor(inputs, training=False).numpy().astype(np.float64)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9 * np.abs(features).max()
    table = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    wanted = np.eye(CLASSES)[classes] - 1 / CLASSES
    square = table.T @ table + _RIDGE * len(table) * np.eye(table.shape[1])
    solution = trap.gain * np.linalg.solve(square, table.T @ wanted)
    kernel = solution[:-1] / spread[:, None]
    readout.set_weights([kernel, solution[-1] - mean @ kernel])
