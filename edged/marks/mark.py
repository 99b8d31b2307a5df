"""A drawn mark, and what the drawing functions share."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.types import F32

U8 = NDArray[np.uint8]
Colour = tuple[float, float, float]
"""Red, green, blue; 0..255."""

SQUARE: F32 = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
"""Corners of a whole picture, clockwise from the top left."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One printed mark in frontal view.

    Attributes:
        rgb: (H, W, 3) uint8; the print, with its quiet zone or border.
        alpha: (H, W) uint8; 255 where the print is, 0 where the background is visible.
        outline: (N, 2) float32, corners of what a detector should box, in fractions of width and height, without the quiet zone of a
            code.
    """

    rgb: U8
    alpha: U8
    outline: F32

    def resize(self, longer_side_px: float) -> "Mark":
        """Return the mark with its longer side resized to `longer_side_px` (at least 8)."""
        height, width = self.alpha.shape
        scale = max(8.0, longer_side_px) / max(height, width)
        size = (max(2, round(width * scale)), max(2, round(height * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        rgb = cv2.resize(self.rgb, size, interpolation=interpolation)
        alpha = cv2.resize(self.alpha, size, interpolation=interpolation)
        return Mark(np.asarray(rgb, np.uint8), np.asarray(alpha, np.uint8), self.outline)

    def place_on_card(self, margins: tuple[int, int, int, int], colour: Colour) -> "Mark":
        """Return the mark printed on a card of one `colour`; `margins` are left, top, right, bottom in pixels."""
        left, top, right, bottom = margins
        height, width = self.alpha.shape
        card = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
        card[:] = np.asarray(colour)
        paste(card[top : top + height, left : left + width], self.rgb, self.alpha)
        size = np.array([card.shape[1], card.shape[0]], np.float32)
        outline = (self.outline * [width, height] + [left, top]) / size
        return Mark(card, np.full(card.shape[:2], 255, np.uint8), outline.astype(np.float32))


def paste(canvas: U8, picture: U8, alpha: U8) -> None:
    """Blend `picture` into `canvas` in place.

    Args:
        canvas: (H, W, 3) uint8.
        picture: (H, W, 3) uint8.
        alpha: (H, W) uint8, opacity of the picture.
    """
    opaque = alpha[..., None].astype(np.uint16)
    mixed = picture.astype(np.uint16) * opaque + canvas.astype(np.uint16) * (255 - opaque)
    canvas[:] = ((mixed + 127) // 255).astype(np.uint8)


def paint_mask(canvas: U8, mask: U8, colour: Colour, centre: tuple[float, float]) -> None:
    """Print `mask` on `canvas` in place; it must fit.

    Args:
        canvas: (H, W, 3) uint8.
        mask: (h, w) uint8, opacity of the ink.
        colour: colour of the ink.
        centre: centre of the mask on the canvas, (x, y) in pixels.
    """
    height, width = mask.shape
    x, y = round(centre[0] - width / 2), round(centre[1] - height / 2)
    region = canvas[y : y + height, x : x + width]
    ink = np.empty_like(region)
    ink[:] = np.asarray(colour)
    paste(region, ink, mask)


def random_bool(rng: np.random.Generator, probability: float) -> bool:
    """Return True with the given probability."""
    return bool(rng.random() < probability)


def jitter_colour(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """Return a colour near another: printers, light and ageing differ.

    Args:
        rng: source of the variation.
        colour: the nominal colour.
        spread: standard deviation of each channel, in levels of 0..255.
    """
    red, green, blue = np.clip(np.asarray(colour) + rng.normal(0, spread, 3), 0, 255)
    return float(red), float(green), float(blue)


def random_colour(rng: np.random.Generator, low: float, high: float) -> Colour:
    """Return any colour within limits.

    Args:
        rng: source of the variation.
        low: minimum of each channel, 0..255.
        high: maximum of each channel, 0..255.
    """
    red, green, blue = rng.uniform(low, high, 3)
    return float(red), float(green), float(blue)
