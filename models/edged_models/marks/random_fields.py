"""Smooth random fields for grain, blotches, clouds and shadows; random colours."""

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


def noise(
    rng: np.random.Generator, *, side_px: int, channels: int, cells_px: tuple[int, ...]
) -> F32:
    """Sum bicubic noise of decreasing strength, one octave for each cell size.

    Args:
        rng: the source of randomness.
        side_px: side of the square field, pixels.
        channels: number of independent fields.
        cells_px: side of a noise cell for each octave, pixels.

    Returns:
        (S, S, C) float32, where S is `side_px` and C is `channels`; the mean is about 0, the standard deviation about 1.
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
    """Return a random colour, often of low saturation, as most objects have.

    Args:
        rng: the source of randomness.
        low: lower bound of each channel, 0..255.
        high: upper bound of each channel, 0..255.
        dull: share of colours with low saturation.

    Returns:
        (3,) float32, RGB.
    """
    colour = rng.uniform(low, high, 3)
    if rng.random() < dull:
        colour = colour.mean() + (colour - colour.mean()) * rng.uniform(0, 0.4)
    return colour.astype(np.float32)


def to_scalar(colour: F32) -> tuple[float, float, float]:
    """Convert a colour, (3,) float32, to the tuple that OpenCV takes."""
    return float(colour[0]), float(colour[1]), float(colour[2])
