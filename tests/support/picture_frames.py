"""Frames with striped objects that the simulated model finds, recordings of them, and what is left of the stripes in a picture."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Area = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels."""

WIDTH, HEIGHT = 640, 480
_GRAY = 90
_STRIPE_PX = 8
BLUE, GREEN, RED = 0, 1, 2
"""Channels of BGR; the simulated model names them."""


def make_frame(
    *objects: tuple[Area, int], width: int = WIDTH, height: int = HEIGHT, blur_px: int = 0
) -> Pixels:
    """Return a gray frame, (H, W, 3) uint8 BGR, with striped objects in it.

    Args:
        objects: area and colour of each.
        width: width of the frame, pixels.
        height: height of the frame, pixels.
        blur_px: width of the blur of everything, pixels; 0 for none.
    """
    pixels = np.full((height, width, 3), _GRAY, np.uint8)
    for area, channel in objects:
        draw_stripes(pixels, area, channel)
    return cv2.blur(pixels, (blur_px, blur_px)).astype(np.uint8) if blur_px else pixels


def draw_stripes(pixels: Pixels, area: Area, channel: int) -> None:
    """Draw an object of one colour in upright stripes, of which the dark ones have the colour too."""
    x1, y1, x2, y2 = area
    part = pixels[max(y1, 0) : y2, max(x1, 0) : x2]
    part[:] = 0
    columns = np.arange(part.shape[1]) // _STRIPE_PX % 2
    part[:, :, channel] = np.where(columns, 255, 130)


def write_recording(folder: Path, frames: Iterable[Pixels]) -> Path:
    """Write frames as a folder of pictures, and return it."""
    folder.mkdir(exist_ok=True)
    for index, pixels in enumerate(frames):
        cv2.imwrite(str(folder / f"{index:04d}.png"), pixels)
    return folder


def decode(jpeg: bytes) -> Pixels:
    """Return a JPEG's pixels, (H, W, 3) uint8 BGR."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels.astype(np.uint8)


def measure_stripes(pixels: Pixels, area: Area, channel: int) -> float:
    """Return how much the stripes of an object differ: the standard deviation along its middle row, grey levels."""
    x1, y1, x2, y2 = area
    rows = pixels[(y1 + y2) // 2 - 1 : (y1 + y2) // 2 + 2, x1:x2, channel]
    high_pass = rows.astype(np.float32) - cv2.blur(rows, (4 * _STRIPE_PX + 1, 1))
    return float(high_pass.std())
