"""Marks at a printer's resolution: they are drawn at 120 to 400 px, and a print needs 300 dots per inch."""

import cv2
import numpy as np

from edged.marks.mark import U8, Mark

_OVERSAMPLING = 2
_MIN_COLOUR_SHARE = 0.004
"""Smallest share of pixels in one ink: rarer colours come from anti-aliasing."""
_MAX_COLOURS = 6


def enlarge_mark(mark: Mark, longer_side_px: int) -> U8:
    """Enlarge a mark on a white ground, with sharp edges.

    A mark consists of a few flat inks. It is enlarged smoothly, each pixel is set to the nearest ink, and halving the size smooths
    the steps that remain.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    on_white = mark.place_on_card((0, 0, 0, 0), (255, 255, 255)).rgb
    height, width = on_white.shape[:2]
    scale = longer_side_px / max(height, width)
    size = (round(width * scale), round(height * scale))
    finer = (_OVERSAMPLING * size[0], _OVERSAMPLING * size[1])
    smooth = cv2.resize(on_white, finer, interpolation=cv2.INTER_CUBIC)
    # The squared distance to each ink, without the pixel's own square, which is the same for all.
    inks = _find_inks(on_white)
    distance = (inks.astype(np.float32) ** 2).sum(axis=1) - 2 * smooth.astype(np.float32) @ inks.T
    sharp = inks[distance.argmin(axis=2)]
    return np.asarray(cv2.resize(sharp, size, interpolation=cv2.INTER_AREA), np.uint8)


def _find_inks(rgb: U8) -> U8:
    """Return the inks of a mark, and white: (N, 3)."""
    colours, counts = np.unique(rgb.reshape(-1, 3), axis=0, return_counts=True)
    order = np.argsort(-counts)[:_MAX_COLOURS]
    common = [colours[i] for i in order if counts[i] >= _MIN_COLOUR_SHARE * counts.sum()]
    return np.unique(np.array([*common, [255, 255, 255]], np.uint8), axis=0)
