"""The training of any classifier with the cross entropy of its classes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.compression.class_sample import ClassSample
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.training_steps import Batch, iterate_rows, train_steps
from edged_models.tensorflow import keras, tf

_BATCH_SIZE = 32
_MAX_SHIFT_SHARE = 0.06
_TONES = (0.8, 1.2)
_TEACHER_SHARE, _TEMPERATURE = 0.7, 3.0
"""Of the loss with a teacher: the share of its imitation, and the temperature at which outputs are compared (Hinton et al. 2015)."""
_EPSILON = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierTrainer:
    """Trains a classifier on slightly augmented pictures.

    Attributes:
        sample: the pictures.
        mean: mean of the input's normalisation ``(pixel - mean) / std``, for all channels or for each.
        std: standard deviation of the normalisation.
        has_logits: whether the outputs are logits, not probabilities.
    """

    sample: ClassSample
    mean: tuple[float, ...]
    std: tuple[float, ...]
    has_logits: bool

    def fine_tune(
        self,
        model: keras.Model,
        *,
        settings: FineTuneSettings,
        default_rate: float,
        on_step: Callable[[int], None],
        teacher: keras.Model | None = None,
    ) -> None:
        """Train in place.

        Args:
            model: maps (B, H, W, C) float32 to (B, classes) float32, probabilities or logits.
            settings: steps, seed and rate.
            default_rate: the highest learning rate if `settings` has none.
            on_step: called with 0, and after each step with the number of finished steps.
            teacher: a classifier whose outputs are imitated beside the true classes; None for none.
        """

        def loss(images: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
            logits = self._to_logits(model(images, training=True))
            entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(truth, logits))
            if teacher is None:
                return entropy
            soft = self._to_logits(teacher(images, training=False)) / _TEMPERATURE
            imitation = tf.nn.softmax_cross_entropy_with_logits(
                tf.nn.softmax(soft), logits / _TEMPERATURE
            )
            scaled = tf.reduce_mean(imitation) * _TEMPERATURE**2
            return (1 - _TEACHER_SHARE) * entropy + _TEACHER_SHARE * scaled

        keras.utils.set_random_seed(settings.seed)
        train_steps(
            model,
            loss=loss,
            batches=self._batches(
                np.random.default_rng(settings.seed), int(model.output_shape[-1])
            ),
            settings=settings,
            default_rate=default_rate,
            on_step=on_step,
        )

    def inputs(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the network's input of evenly spread pictures: (1, H, W, C) float32, normalised; at most `count`."""
        rows = np.flatnonzero(~self.sample.is_kept)
        for row in rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]:
            yield self._normalise(self.sample.images[row][None].astype(np.float32))

    def evaluate(self, model: keras.Model) -> float:
        """Return the share of the kept pictures whose best class is the true one."""
        kept = np.flatnonzero(self.sample.is_kept)
        right = 0
        for start in range(0, len(kept), _BATCH_SIZE):
            rows = kept[start : start + _BATCH_SIZE]
            inputs = self._normalise(self.sample.images[rows].astype(np.float32))
            best = np.argmax(np.asarray(model(inputs, training=False)), axis=-1)
            right += int((best == self.sample.classes[rows]).sum())
        return right / max(1, len(kept))

    def _batches(self, rng: np.random.Generator, class_count: int) -> Iterator[Batch]:
        trained = np.flatnonzero(~self.sample.is_kept)
        one_hot = np.eye(class_count, dtype=np.float32)
        for rows in iterate_rows(len(trained), min(_BATCH_SIZE, len(trained)), rng):
            chosen = trained[rows]
            images = np.stack([_augment(one, rng) for one in self.sample.images[chosen]])
            yield self._normalise(images), one_hot[self.sample.classes[chosen]]

    def _normalise(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.asarray((pixels - mean) / std, np.float32)

    def _to_logits(self, outputs: tf.Tensor) -> tf.Tensor:
        return outputs if self.has_logits else tf.math.log(tf.maximum(outputs, _EPSILON))


def _augment(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Shift a picture and change its tone a little; classes may differ by mirroring, so it is not mirrored."""
    height, width = image.shape[:2]
    shift = rng.uniform(-_MAX_SHIFT_SHARE, _MAX_SHIFT_SHARE, 2) * (width, height)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    moved = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    toned = np.asarray(moved, np.float32).reshape(image.shape) * np.float32(rng.uniform(*_TONES))
    return np.clip(toned, 0, 255)
