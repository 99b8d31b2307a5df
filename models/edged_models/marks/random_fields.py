"""Smooth random fields: grain, blotches, clouds, shadows."""

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


def noise(
    rng: np.random.Generator, *, side_px: int, channels: int, cells_px: tuple[int, ...]
) -> F32:
    """Sum of bicubic noise of falling strength, one octave for each cell size.

    Returns:
        (side_px, side_px, channels) float32 about 0, standard deviation about 1.
    """
    field = np.zeros((side_px, side_px, channels), np.float32)
    strength = 1.0
    for cell_px in cells_px:
        cells = max(2, side_px // cell_px)
        coarse = rng.standard_normal((cells, cells, channels), np.float32)
        fine = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
        field += strength * fine.reshape(side_px, side_px, channels)
        strength *= 0.6
    return field


def random_colour(
    rng: np.random.Generator, low: float = 0, high: float = 255, *, dull: float = 0.65
) -> F32:
    """(3,) any colour between `low` and `high`; `dull` of them with little colour in it, as most things are."""
    any_colour = rng.uniform(low, high, 3)
    if rng.random() < dull:
        any_colour = any_colour.mean() + (any_colour - any_colour.mean()) * rng.uniform(0, 0.4)
    return any_colour.astype(np.float32)


def to_scalar(colour_: F32) -> tuple[float, float, float]:
    """As OpenCV wants a colour."""
    return float(colour_[0]), float(colour_[1]), float(colour_[2])
