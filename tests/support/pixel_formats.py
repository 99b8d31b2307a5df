"""One picture in every pixel format, with padded rows and odd sides."""

import cv2
import numpy as np

from edged.types import Frame, PixelFormat
from support.pictures import frame


def as_format(bgr: np.ndarray, layout: PixelFormat, padding: int = 0) -> Frame:
    """Return the same picture in another format, each of its rows padded."""
    height, width = bgr.shape[:2]
    match layout:
        case PixelFormat.RGB24:
            pixels = bgr[..., ::-1]
        case PixelFormat.GRAY8:
            pixels = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        case PixelFormat.YUV420P:
            return frame(i420(bgr, padding), layout, width=width, height=height)
        case _:
            pixels = bgr
    widths = [(0, 0), (0, padding)] + [(0, 0)] * (pixels.ndim - 2)
    padded = np.pad(pixels, widths, constant_values=7)
    return frame(np.ascontiguousarray(padded), layout, width=width, height=height)


def i420(bgr: np.ndarray, padding: int) -> np.ndarray:
    """Return the planes of a picture of any size; the stride is even."""
    height, width = bgr.shape[:2]
    even = cv2.copyMakeBorder(bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    packed = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420)
    rows, columns = even.shape[:2]
    luma = packed[:rows][:height]
    chroma = packed[rows:].reshape(2, rows // 2, columns // 2)
    wide = np.pad(luma, [(0, 0), (0, columns - luma.shape[1] + padding)], constant_values=7)
    halves = np.pad(chroma, [(0, 0), (0, 0), (0, padding // 2)], constant_values=7)
    return np.concatenate([wide.ravel(), halves.ravel()]).reshape(-1, columns + padding)
