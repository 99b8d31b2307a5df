"""The net with its optimiser and the moving average of its weights, which is the result of the training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.detector.loss import DetectionLoss, Losses
from edged_models.errors import SourceError
from edged_models.tensorflow import keras, tf
from edged_models.training.training_state import TrainingState

_WEIGHT_DECAY = 2e-4
_MAX_GRADIENT_NORM = 10.0
_AVERAGE_DECAY = 0.9985
_AVERAGE_WARM_UP_STEPS = 20.0
"""At first the average follows the weights quickly."""


@dataclass(frozen=True, slots=True)
class StepLosses:
    """The values of `Losses` for one batch.

    Attributes:
        total: the total loss.
        box: the loss of the boxes.
        score: the loss of the scores.
        iou: mean IoU of the boxes at cells that are assigned to an object.
        right: share of those cells whose best class is the true one.
    """

    total: float
    box: float
    score: float
    iou: float
    right: float


class Trainer:
    """Trains a net batch by batch and averages its weights."""

    def __init__(self, model: keras.Model, *, rate: float) -> None:
        self.model = model
        self._label_count = int(model.output_shape[1][-1])
        self._optimizer = keras.optimizers.AdamW(
            rate, weight_decay=_WEIGHT_DECAY, global_clipnorm=_MAX_GRADIENT_NORM
        )
        self._optimizer.build(model.trainable_variables)
        self._average = [tf.Variable(w, trainable=False) for w in model.weights]
        self._compiled: dict[int, object] = {}
        self._steps = 0

    def train_step(
        self, images: NDArray[np.float32], truth: NDArray[np.float32], *, rate: float
    ) -> StepLosses:
        """Train on one batch.

        Args:
            images: (B, S, S, 3) float32 in 0..1, RGB.
            truth: (B, M, 5) float32, [x1, y1, x2, y2, class] in pixels; class -1 in unused rows.
            rate: the learning rate.
        """
        self._optimizer.learning_rate.assign(rate)
        losses = self._get_compiled_step(images.shape[1])(tf.constant(images), tf.constant(truth))
        self._steps += 1
        keep = min(_AVERAGE_DECAY, self._steps / (self._steps + _AVERAGE_WARM_UP_STEPS))
        self._update_average(tf.constant(keep, tf.float32))
        return StepLosses(*(float(value) for value in losses))

    def get_averaged_weights(self) -> list[NDArray[np.float32]]:
        """Return the moving average: arrays of any shape, float32, in the order of ``model.weights``."""
        return [average.numpy() for average in self._average]

    def capture_state(self) -> TrainingState:
        """Return the state from which the training can be resumed."""
        return TrainingState(
            step=self._steps,
            weights=self.model.get_weights(),
            average=self.get_averaged_weights(),
            optimizer=[v.numpy() for v in self._optimizer.variables],
        )

    def restore_state(self, state: TrainingState) -> None:
        """Resume from a state.

        Raises:
            SourceError: the state is of another net.
        """
        try:
            self.model.set_weights(state.weights)
            for average, value in zip(self._average, state.average, strict=True):
                average.assign(value)
            for variable, value in zip(self._optimizer.variables, state.optimizer, strict=True):
                variable.assign(value)
        except ValueError as error:
            raise SourceError(
                f"the interrupted training is of another net: {error}; train without --resume"
            ) from error
        self._steps = state.step

    def _get_compiled_step(self, side_px: int) -> object:
        """Return the step for an input size, compiled once for each."""
        if side_px not in self._compiled:
            loss = DetectionLoss(side_px=side_px, label_count=self._label_count)
            self._compiled[side_px] = tf.function(
                lambda images, truth: self._compute_step(loss, images, truth)
            )
        return self._compiled[side_px]

    def _compute_step(
        self, loss: DetectionLoss, images: tf.Tensor, truth: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            losses: Losses = loss(truth, *self.model(images, training=True))
        weights = self.model.trainable_variables
        self._optimizer.apply_gradients(
            zip(tape.gradient(losses.total, weights), weights, strict=True)
        )
        return losses.total, losses.box, losses.score, losses.iou, losses.right

    @tf.function
    def _update_average(self, decay: tf.Tensor) -> None:
        for average, weight in zip(self._average, self.model.weights, strict=True):
            average.assign(average * decay + weight * (1 - decay))
