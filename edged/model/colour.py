"""The arithmetic from Y, U and V to red, green and blue, for each colour space."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edged.types import Channels, ColourMatrix, ColourSpace

_WEIGHTS = {
    ColourMatrix.BT601: (0.299, 0.114),
    ColourMatrix.BT709: (0.2126, 0.0722),
    ColourMatrix.FCC: (0.30, 0.11),
    ColourMatrix.SMPTE240M: (0.212, 0.087),
    ColourMatrix.BT2020: (0.2627, 0.0593),
}
"""Kr and Kb of each matrix: ITU-T H.273, table 4."""


@cache
def make_conversion(colour: ColourSpace, channels: Channels) -> NDArray[np.float32]:
    """Compute the matrix that turns (Y, U, V, 1) of 8 bits into a pixel: ITU-T H.273, equations 38 to 46, solved for the pixel.

    Args:
        colour: what Y, U and V mean.
        channels: RGB or BGR, the order of the rows.

    Returns:
        (3, 4) float32; pixels from 0 to 255, not clipped.
    """
    red, blue = _WEIGHTS[colour.matrix]
    green = 1 - red - blue
    rows = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    black, luma_steps, chroma_steps = (0, 255, 255) if colour.is_full_range else (16, 219, 224)
    linear = rows * (255 / np.array([luma_steps, chroma_steps, chroma_steps]))
    offset = -linear @ np.array([black, 128, 128])
    conversion = np.column_stack([linear, offset]).astype(np.float32)
    return conversion[::-1].copy() if channels is Channels.BGR else conversion
