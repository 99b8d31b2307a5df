"""Privacy masks: polygons made black in a frame's own pixels before anything else reads them."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.config.settings import Polygon
from edged.model.picture import Pixels, split_planes
from edged.types import Frame, PixelFormat

_BLACK_Y, _NEUTRAL_CHROMA = 16, 128
"""Of the limited range; in the full range black is 0."""
_OUTLINE_PX = 2
"""Width of the line drawn around a mask: filling alone leaves some pixels of its edge bare, and of colour more."""
_FRACTION_BITS = 4
"""Corners are placed to a sixteenth of a pixel, as OpenCV's drawing allows."""

_Corners = NDArray[np.int32]


class MaskPainter:
    """The masks of one camera; belongs to one thread."""

    def __init__(self, masks: Sequence[Polygon]) -> None:
        """Take the masks: polygons, corners as [x, y] in fractions of the frame."""
        self._masks = [np.array(mask, np.float64) for mask in masks]
        self._corners: dict[tuple[int, int], list[_Corners]] = {}

    def paint(self, frame: Frame) -> None:
        """Make the masks black, in place: every pixel that a mask touches, and about two more around it.

        Raises:
            ValueError: the frame's pixels do not have the layout of its format, or cannot be written in place.
        """
        if not self._masks:
            return
        for plane, value in _iterate_planes(frame):
            colour = (value,) * (plane.shape[2] if plane.ndim > 2 else 1)  # noqa: PLR2004 - has channels
            for corners in self._get_corners(plane.shape[1], plane.shape[0]):
                cv2.fillPoly(plane, [corners], colour, shift=_FRACTION_BITS)
                cv2.polylines(
                    plane,
                    [corners],
                    isClosed=True,
                    color=colour,
                    thickness=_OUTLINE_PX,
                    shift=_FRACTION_BITS,
                )

    def _get_corners(self, width: int, height: int) -> list[_Corners]:
        """Return the corners in sixteenths of a pixel; a pixel's centre has whole coordinates, so the frame begins at -1/2."""
        if (width, height) not in self._corners:
            self._corners[width, height] = [
                np.rint((mask * (width, height) - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)
                for mask in self._masks
            ]
        return self._corners[width, height]


def _iterate_planes(frame: Frame) -> Iterator[tuple[Pixels, int]]:
    """Yield each plane of a frame without its padding, and the value of black in it."""
    if frame.format is not PixelFormat.YUV420P:
        yield frame.pixels[: frame.stored_height, : frame.stored_width], 0
        return
    black = 0 if frame.colour.is_full_range else _BLACK_Y
    values = (black, _NEUTRAL_CHROMA, _NEUTRAL_CHROMA)
    for plane, value in zip(split_planes(frame), values, strict=True):
        if not np.may_share_memory(plane, frame.pixels):
            raise ValueError(
                f"camera {frame.camera}: the frame's planes are copies and cannot be masked in place"
            )
        yield plane, value
