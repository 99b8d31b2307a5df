"""Marks at a printer's resolution: the drawn ones are 120 to 400 px, and print wants 300 dots an inch."""

import cv2
import numpy as np

from edged.marks.mark import U8, Mark

_OVERSAMPLING = 2
_MIN_COLOUR_SHARE = 0.004
"""Of the pixels that have one colour: rarer ones are what anti-aliasing made of their neighbours."""
_MAX_COLOURS = 6


def enlarge_mark(mark: Mark, longer_side_px: int) -> U8:
    """(h, w, 3) uint8 on white, its edges sharp again.

    A mark is a few flat inks. So it is enlarged smoothly, each pixel is brought back to the nearest ink, and the steps that this
    leaves are smoothed by halving the size.
    """
    on_white = mark.place_on_card((0, 0, 0, 0), (255, 255, 255)).rgb
    height, width = on_white.shape[:2]
    scale = longer_side_px / max(height, width)
    size = (round(width * scale), round(height * scale))
    finer = (_OVERSAMPLING * size[0], _OVERSAMPLING * size[1])
    smooth = cv2.resize(on_white, finer, interpolation=cv2.INTER_CUBIC)
    # The nearest ink: |pixel - ink|² without the part that all inks share.
    inks = _find_inks(on_white)
    distance = (inks.astype(np.float32) ** 2).sum(axis=1) - 2 * smooth.astype(np.float32) @ inks.T
    sharp = inks[distance.argmin(axis=2)]
    return np.asarray(cv2.resize(sharp, size, interpolation=cv2.INTER_AREA), np.uint8)


def _find_inks(rgb: U8) -> U8:
    """(N, 3): the colours that a mark is printed in, and white."""
    colours, counts = np.unique(rgb.reshape(-1, 3), axis=0, return_counts=True)
    order = np.argsort(-counts)[:_MAX_COLOURS]
    common = [colours[i] for i in order if counts[i] >= _MIN_COLOUR_SHARE * counts.sum()]
    return np.unique(np.array([*common, [255, 255, 255]], np.uint8), axis=0)
