"""The schedule of a training: learning rate, input size and batch size at each step."""

import math

import numpy as np

_WARM_UP_STEPS = 100
_MIN_RATE_SHARE = 0.005
_BATCH_PX = 16 * 256 * 256
"""Pixels in a batch, so that a step costs the same at every input size."""


def learning_rate_at(step: int, *, steps: int, max_rate: float) -> float:
    """Return the learning rate at a step: a short warm-up, then a cosine down to almost 0.

    Args:
        step: number of the step, from 0.
        steps: number of steps of the training.
        max_rate: the highest rate.
    """
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(step / steps, 1.0))
    warm = min(1.0, (step + 1) / min(_WARM_UP_STEPS, max(1, steps // 10)))
    return max_rate * warm * (cosine * (1 - _MIN_RATE_SHARE) + _MIN_RATE_SHARE)


def side_px_at(step: int, *, sides_px: tuple[int, ...], seed: int) -> int:
    """Return the side of the input at a step: in half of the steps the first of `sides_px`, otherwise one of the others.

    Args:
        step: number of the step, from 0.
        sides_px: sides of the square inputs, pixels.
        seed: determines the choice.
    """
    rng = np.random.default_rng([seed, step, 1])
    if len(sides_px) == 1 or rng.random() < 1 / 2:
        return sides_px[0]
    return sides_px[1 + rng.integers(len(sides_px) - 1)]


def batch_size(side_px: int) -> int:
    """Return the number of pictures in a batch of the given size."""
    return max(1, _BATCH_PX // (side_px * side_px))
