"""The task of the trap nets: which of six colours a noisy picture has."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 32
CLASSES = 6
_COLOURS = np.array(
    [[200, 60, 60], [60, 200, 60], [60, 60, 200], [190, 190, 50], [50, 190, 190], [190, 50, 190]]
)


def draw_pictures(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pictures (N, 32, 32, 3) uint8 RGB, and their classes (N,) int64."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, CLASSES, count)
    grey = rng.uniform(60, 190, (count, 1, 1, 1))
    share = rng.uniform(0.35, 0.9, (count, 1, 1, 1))
    colours = share * _COLOURS[classes][:, None, None, :] + (1 - share) * grey
    noise = rng.normal(0, 25, (count, SIDE_PX, SIDE_PX, 3))
    return np.clip(colours + noise, 0, 255).astype(np.uint8), classes


def write_pictures(folder: Path, count: int, seed: int) -> Path:
    """Write such pictures as files, and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(draw_pictures(count, seed)[0]):
        assert cv2.imwrite(str(folder / f"{number:03}.png"), picture[:, :, ::-1])
    return folder
