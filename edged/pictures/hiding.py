"""Parts of a picture made unrecognisable, in place.

What is hidden is averaged over a grid of at most six cells on its longer side, whatever its size: pixelating shows the cells, blurring shows smooth
transitions between them. So both keep the same few colours of an object and nothing else of it; a Gaussian blur of a fixed width would leave a large
object recognisable.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_CELLS = 6
"""On the longer side."""

PixelArea = tuple[int, int, int, int]
"""x1, y1, x2, y2 in whole pixels; x2 and y2 are outside."""


def hide_area(
    picture: NDArray[np.uint8], area: PixelArea, how: Literal["blur", "pixelate", "black"]
) -> None:
    """Make a part of a picture unrecognisable, in place.

    Args:
        picture: (H, W, 3) uint8.
        area: the part; what lies outside the picture is left out.
        how: black, cells, or transitions between cells.
    """
    height, width = picture.shape[:2]
    x1, y1 = max(area[0], 0), max(area[1], 0)
    x2, y2 = min(area[2], width), min(area[3], height)
    if x1 >= x2 or y1 >= y2:
        return
    part = picture[y1:y2, x1:x2]
    if how == "black":
        part[:] = 0
        return
    part_width, part_height = x2 - x1, y2 - y1
    cell_px = max(part_width, part_height) / MAX_CELLS
    cells = max(1, int(part_width / cell_px)), max(1, int(part_height / cell_px))
    small = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    method = cv2.INTER_NEAREST if how == "pixelate" else cv2.INTER_LINEAR
    part[:] = cv2.resize(small, (part_width, part_height), interpolation=method)
