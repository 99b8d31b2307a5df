"""Hard negatives: shuffled parts of marks, and signs in a combination of shape and colour that no sign has."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import MARK_LABELS, draw_mark
from edged.marks.mark import paste, random_bool

U8 = NDArray[np.uint8]
_SHAPED_SIGNS = ("warning_sign", "prohibition_sign", "mandatory_sign")
"""Signs that are no signs in another colour; the square ones are left out, because their two classes differ by colour alone."""


def add_hard_negative(canvas: U8, rng: np.random.Generator) -> None:
    """Draw one hard negative at a random place.

    Args:
        canvas: (H, H, 3) uint8, RGB, changed in place.
        rng: the source of randomness.
    """
    labels, alter = _HARD_NEGATIVES[rng.integers(len(_HARD_NEGATIVES))]
    mark = draw_mark(str(rng.choice(labels)), rng)
    side = canvas.shape[0]
    mark = mark.resize(side * math.exp(rng.uniform(math.log(0.05), math.log(0.5))))
    rgb, alpha = alter(mark.rgb, mark.alpha, rng)
    height, width = alpha.shape
    if height >= side or width >= side:
        return
    x, y = int(rng.integers(side - width)), int(rng.integers(side - height))
    paste(canvas[y : y + height, x : x + width], rgb, alpha)


def _shuffle_tiles(rgb: U8, alpha: U8, rng: np.random.Generator) -> tuple[U8, U8]:
    """Cut the mark into tiles and shuffle them."""
    tiles = int(rng.integers(4, 8))
    step_y, step_x = rgb.shape[0] // tiles, rgb.shape[1] // tiles
    if min(step_y, step_x) < 1:
        return rgb, np.zeros_like(alpha)
    cut = rgb[: step_y * tiles, : step_x * tiles]
    grid = (
        cut.reshape(tiles, step_y, tiles, step_x, 3).swapaxes(1, 2).reshape(-1, step_y, step_x, 3)
    )
    mixed = grid[rng.permutation(len(grid))]
    mixed = np.where(rng.random((len(grid), 1, 1, 1)) < 1 / 2, mixed[:, ::-1, ::-1], mixed)
    whole = mixed.reshape(tiles, tiles, step_y, step_x, 3).swapaxes(1, 2).reshape(cut.shape)
    return np.ascontiguousarray(whole), np.full(cut.shape[:2], 255, np.uint8)


def _rotate_channels(rgb: U8, alpha: U8, rng: np.random.Generator) -> tuple[U8, U8]:
    """Rotate the colour channels, so that red becomes green or blue."""
    return np.ascontiguousarray(np.roll(rgb, int(rng.integers(1, 3)), axis=2)), alpha


def _smear_row(rgb: U8, alpha: U8, rng: np.random.Generator) -> tuple[U8, U8]:
    """Stretch one row or column over the whole mark: stripes as uneven as a bar code's, but coloured, or too few."""
    row = rgb[int(rng.integers(len(rgb)))]
    few = cv2.resize(row[None], (int(rng.integers(3, 9)), 1), interpolation=cv2.INTER_AREA)
    size = (rgb.shape[1], rgb.shape[0])
    stripes = np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    if random_bool(rng, 0.5):
        stripes = np.ascontiguousarray(cv2.resize(stripes.swapaxes(0, 1), size))
    return stripes, np.full_like(alpha, 255)


_Alteration = Callable[[U8, U8, np.random.Generator], tuple[U8, U8]]
_HARD_NEGATIVES: tuple[tuple[tuple[str, ...], _Alteration], ...] = (
    (MARK_LABELS, _shuffle_tiles),
    (_SHAPED_SIGNS, _rotate_channels),
    (MARK_LABELS, _smear_row),
)
