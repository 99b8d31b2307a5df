"""Measurement of the time of a training step, to convert minutes into steps."""

import time

import numpy as np

from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore_net
from edged_models.training.schedule import batch_size
from edged_models.training.trainer import Trainer

_TIMED_STEPS = 4
_MIN_STEPS = 10


def estimate_steps(minutes: float, checkpoint: Checkpoint, *, sides_px: tuple[int, ...]) -> int:
    """Estimate the number of steps in the given time, from a few steps on noise at the largest size.

    Args:
        minutes: duration of the training.
        checkpoint: the net to train.
        sides_px: sides of the square inputs, pixels.

    Raises:
        SourceError: the checkpoint lacks weights.
    """
    step_s = _measure_step_s(Trainer(restore_net(checkpoint), rate=0.0), max(sides_px))
    return max(_MIN_STEPS, int(60 * minutes / step_s))


def _measure_step_s(trainer: Trainer, side_px: int) -> float:
    rng = np.random.default_rng(0)
    images = rng.random((batch_size(side_px), side_px, side_px, 3), np.float32)
    truth = np.full((len(images), 8, 5), -1, np.float32)
    trainer.train_step(images, truth, rate=0.0)  # compiles
    start_s = time.perf_counter()
    for _ in range(_TIMED_STEPS):
        trainer.train_step(images, truth, rate=0.0)
    return (time.perf_counter() - start_s) / _TIMED_STEPS
