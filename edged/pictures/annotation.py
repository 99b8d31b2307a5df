"""Boxes with their labels and scores, drawn into a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.pictures.hiding import PixelArea

_COLOUR = (64, 220, 64)
_TEXT_COLOUR = (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PX_PER_SCALE = 1000.0
"""At this width the text has OpenCV's own size."""
_MIN_SCALE = 0.4
_LINE_PX = 400
"""Width of the picture for each pixel of a line."""


def draw_box(picture: NDArray[np.uint8], area: PixelArea, text: str) -> None:
    """Draw a box and its text, in place; the text stands above the box, or in it at the upper edge of the picture.

    Args:
        picture: (H, W, 3) uint8 BGR.
        area: the box; its edges may lie outside the picture.
        text: one line; OpenCV's font has ASCII only, and shows every other character as ``?``.
    """
    width = picture.shape[1]
    scale = max(_MIN_SCALE, width / _PX_PER_SCALE)
    line_px = max(1, width // _LINE_PX)
    x1, y1, x2, y2 = area
    cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), _COLOUR, line_px)
    ascii_text = text.encode("ascii", "replace").decode()
    (text_width, text_height), base_px = cv2.getTextSize(ascii_text, _FONT, scale, line_px)
    left = max(0, min(x1, width - text_width))
    bottom = y1 if y1 >= text_height + base_px else max(y1, 0) + text_height + base_px
    top = bottom - text_height - base_px
    cv2.rectangle(picture, (left, top), (left + text_width, bottom), _COLOUR, cv2.FILLED)
    cv2.putText(
        picture,
        ascii_text,
        (left, bottom - base_px + 1),
        _FONT,
        scale,
        _TEXT_COLOUR,
        line_px,
        cv2.LINE_AA,
    )
