"""The training of edged's own detector with its loss."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.picture_sample import PictureSample
from edged_models.compression.training_steps import Batch, iterate_rows, train_steps
from edged_models.detector.loss import DetectionLoss
from edged_models.tensorflow import keras, tf
from edged_models.training import augment

_BATCH_SIZE = 16
_TEACHER_WEIGHT = 1.0
"""Weight of the imitation of a teacher beside the loss of the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorTrainer:
    """Trains edged's detector on augmented pictures.

    Attributes:
        sample: the pictures.
    """

    sample: PictureSample

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
            model: maps (B, side, side, 3) float32 in 0..1 to box codes and scores.
            settings: steps, seed and rate.
            default_rate: the highest learning rate if `settings` has none.
            on_step: called with 0, and after each step with the number of finished steps.
            teacher: a detector whose boxes and scores are imitated where it sees something; None for none.
        """
        side_px = self.sample.side_px
        truth_loss = DetectionLoss(side_px=side_px, label_count=int(model.output_shape[1][-1]))

        def loss(images: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
            outputs = model(images, training=True)
            total = truth_loss(truth, *outputs).total
            if teacher is None:
                return total
            return total + _TEACHER_WEIGHT * _imitation_loss(
                outputs, teacher(images, training=False)
            )

        keras.utils.set_random_seed(settings.seed)
        train_steps(
            model,
            loss=loss,
            batches=self._batches(np.random.default_rng(settings.seed)),
            settings=settings,
            default_rate=default_rate,
            on_step=on_step,
        )

    def inputs(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the network's input of the first `count` pictures: (1, side, side, 3) float32 in 0..1."""
        return self.sample.inputs(count)

    def evaluate(self, model: keras.Model) -> None:  # noqa: ARG002  # of the protocol
        """Return None: a detector's precision is measured on its .tflite, by ``evaluate``."""
        return

    def _batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        sample = self.sample
        count = len(sample.images)
        for rows in iterate_rows(count, min(_BATCH_SIZE, count), rng):
            yield augment.augment_batch(
                sample.images[rows], sample.truth[rows], rng, side_px=sample.side_px
            )


def _imitation_loss(student: tuple, teacher: tuple) -> tf.Tensor:
    """Return how far a student is from its teacher; cells count as much as the teacher is sure that something is there."""
    (codes, scores), (wanted_codes, wanted_scores) = student, teacher
    sure = tf.reduce_max(wanted_scores, axis=-1)
    count = tf.maximum(tf.reduce_sum(sure), 1.0)
    boxes = tf.reduce_mean(tf.abs(codes - wanted_codes), axis=-1) * sure
    clipped = tf.clip_by_value(scores, 1e-6, 1 - 1e-6)
    entropy = -(
        wanted_scores * tf.math.log(clipped) + (1 - wanted_scores) * tf.math.log(1 - clipped)
    )
    # As in the loss of the truth, empty cells count little.
    weights = tf.stop_gradient(tf.square(clipped - wanted_scores))[..., :]
    return (tf.reduce_sum(boxes) + tf.reduce_sum(weights * entropy)) / count
