"""One anchor a cell: where each output of the net looks, and how its four numbers become a box.

The box coder is that of TensorFlow's SSD (``FasterRcnnBoxCoder`` with scale factors 1), because the post-process op in the .tflite undoes it.
"""

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

STRIDES_PX = (8, 16, 32)
ANCHOR_STRIDES = 4
"""An anchor's side, in strides of its level."""


def anchors(side_px: int) -> F32:
    """(N, 4) float32, centre y, centre x, height, width, normalised; level after level, row after row."""
    levels = []
    for stride_px in STRIDES_PX:
        cells = side_px // stride_px
        middle = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        length = np.full(cells * cells, ANCHOR_STRIDES * stride_px / side_px)
        levels.append(np.stack([y.ravel(), x.ravel(), length, length], axis=1))
    return np.concatenate(levels).astype(np.float32)


def decode(codes: F32, anchors_: F32) -> F32:
    """(..., N, 4) codes ty tx th tw -> (..., N, 4) boxes x1 y1 x2 y2, normalised."""
    centre = codes[..., :2] * anchors_[:, 2:] + anchors_[:, :2]
    half = np.exp(codes[..., 2:]) * anchors_[:, 2:] / 2
    low, high = centre - half, centre + half
    return np.concatenate([low[..., ::-1], high[..., ::-1]], axis=-1)
