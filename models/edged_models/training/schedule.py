"""How a training goes, as rules: the rate of learning, and on which size each batch is seen."""

import math

import numpy as np

_WARM_UP_STEPS = 100
_MIN_RATE_SHARE = 0.005
_BATCH_PX = 16 * 256 * 256
"""Pixels in a batch, so that a step costs the same at every size."""


def learning_rate_at(step: int, *, steps: int, max_rate: float) -> float:
    """The rate of learning: a short warm-up, then a cosine down to almost nothing."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(step / steps, 1.0))
    warm = min(1.0, (step + 1) / min(_WARM_UP_STEPS, max(1, steps // 10)))
    return max_rate * warm * (cosine * (1 - _MIN_RATE_SHARE) + _MIN_RATE_SHARE)


def side_px_at(step: int, *, sides_px: tuple[int, ...], seed: int) -> int:
    """The size of the pictures at a step; the first of `sides_px` half of the time, the others share the rest."""
    rng = np.random.default_rng([seed, step, 1])
    if len(sides_px) == 1 or rng.random() < 1 / 2:
        return sides_px[0]
    return sides_px[1 + rng.integers(len(sides_px) - 1)]


def batch_size(side_px: int) -> int:
    """How many pictures of a size make a batch."""
    return max(1, _BATCH_PX // (side_px * side_px))
