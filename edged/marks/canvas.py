"""A square mask to draw on, in fractions of its side: x to the right, y down."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE_PX = 96
Points = Sequence[tuple[float, float]]
"""Points (x, y), in fractions of the side."""


class Canvas:
    """A mask; ink 255 draws and ink 0 erases.

    Attributes:
        mask: (96, 96) uint8.
    """

    def __init__(self) -> None:
        self.mask = np.zeros((_SIDE_PX, _SIDE_PX), np.uint8)

    def polygon(self, points: Points, ink: int = 255) -> None:
        """Draw a filled polygon."""
        cv2.fillPoly(self.mask, [_pixels(points)], ink, cv2.LINE_AA)

    def stroke(self, points: Points, width: float, ink: int = 255) -> None:
        """Draw a line through all points.

        Args:
            points: (x, y), in fractions of the side.
            width: width of the line, in fractions of the side.
            ink: 0..255.
        """
        thick = max(1, round(width * _SIDE_PX))
        cv2.polylines(
            self.mask,
            [_pixels(points)],
            isClosed=False,
            color=ink,
            thickness=thick,
            lineType=cv2.LINE_AA,
        )

    def disc(self, x: float, y: float, radius: float, ink: int = 255, width: float = 0.0) -> None:
        """Draw a filled disc, or a ring.

        Args:
            x: its centre, in fractions of the side.
            y: its centre, in fractions of the side.
            radius: radius in fractions of the side.
            ink: 0..255.
            width: width of the ring, in fractions of the side; 0.0 for a disc.
        """
        centre = (round(x * _SIDE_PX), round(y * _SIDE_PX))
        thick = max(1, round(width * _SIDE_PX)) if width else -1
        cv2.circle(self.mask, centre, round(radius * _SIDE_PX), ink, thick, cv2.LINE_AA)

    def text(self, text: str, *, thick_px: int) -> None:
        """Draw a text in the middle, as large as fits."""
        font = cv2.FONT_HERSHEY_DUPLEX
        (width, height), _ = cv2.getTextSize(text, font, 1.0, 1)
        scale = 0.8 * _SIDE_PX / max(width, height)
        start = (round((_SIDE_PX - width * scale) / 2), round((_SIDE_PX + height * scale) / 2))
        cv2.putText(self.mask, text, start, font, scale, 255, thick_px, cv2.LINE_AA)


def _pixels(points: Points) -> NDArray[np.int32]:
    return np.rint(np.asarray(points, np.float64) * _SIDE_PX).astype(np.int32)
