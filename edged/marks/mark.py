"""The value that the drawing functions give."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.types import F32

U8 = NDArray[np.uint8]
Colour = tuple[float, float, float]
"""Red, green, blue; 0..255."""

SQUARE: F32 = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
"""The corners of a whole picture, clockwise from the top left."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One printed mark, seen square on.

    Attributes:
        rgb: (H, W, 3) uint8; what is printed, quiet zone or border included.
        alpha: (H, W) uint8; 255 where the print is, 0 where what lies behind is seen.
        outline: (N, 2) float32, corners of what a detector should box, in fractions of width and height. Without the quiet zone of a code.
    """

    rgb: U8
    alpha: U8
    outline: F32

    def resize(self, longer_side_px: float) -> "Mark":
        """The same mark, its longer side brought to `longer_side_px` (at least 8)."""
        height, width = self.alpha.shape
        scale = max(8.0, longer_side_px) / max(height, width)
        size = (max(2, round(width * scale)), max(2, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        rgb = cv2.resize(self.rgb, size, interpolation=how)
        alpha = cv2.resize(self.alpha, size, interpolation=how)
        return Mark(np.asarray(rgb, np.uint8), np.asarray(alpha, np.uint8), self.outline)

    def place_on_card(self, margins: tuple[int, int, int, int], colour: Colour) -> "Mark":
        """The same mark printed on a card of one `colour`; `margins` are left, top, right, bottom in pixels."""
        left, top, right, bottom = margins
        height, width = self.alpha.shape
        card = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
        card[:] = np.asarray(colour)
        paste(card[top : top + height, left : left + width], self.rgb, self.alpha)
        size = np.array([card.shape[1], card.shape[0]], np.float32)
        outline = (self.outline * [width, height] + [left, top]) / size
        return Mark(card, np.full(card.shape[:2], 255, np.uint8), outline.astype(np.float32))


def paste(canvas: U8, picture: U8, alpha: U8) -> None:
    """Lay `picture` (H, W, 3) over `canvas` (H, W, 3) in place, as far as `alpha` (H, W) lets it."""
    opaque = alpha[..., None].astype(np.uint16)
    mixed = picture.astype(np.uint16) * opaque + canvas.astype(np.uint16) * (255 - opaque)
    canvas[:] = ((mixed + 127) // 255).astype(np.uint8)


def paint_mask(canvas: U8, mask: U8, colour: Colour, centre: tuple[float, float]) -> None:
    """Print `mask` (h, w) in `colour` on `canvas` in place, around `centre` (x, y) in pixels; it must fit."""
    height, width = mask.shape
    x, y = round(centre[0] - width / 2), round(centre[1] - height / 2)
    region = canvas[y : y + height, x : x + width]
    ink = np.empty_like(region)
    ink[:] = np.asarray(colour)
    paste(region, ink, mask)


def random_bool(rng: np.random.Generator, probability: float) -> bool:
    """Whether a thing that happens in `probability` of all cases happens now."""
    return bool(rng.random() < probability)


def jitter_colour(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """A colour about `colour`: printers, light and years differ."""
    red, green, blue = np.clip(np.asarray(colour) + rng.normal(0, spread, 3), 0, 255)
    return float(red), float(green), float(blue)


def random_colour(rng: np.random.Generator, low: float, high: float) -> Colour:
    """Any colour with each channel from `low` to `high`."""
    red, green, blue = rng.uniform(low, high, 3)
    return float(red), float(green), float(blue)
