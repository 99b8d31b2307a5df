"""Motion detection: a small luma picture is compared with a running background.

It is cheap enough for every frame (some 40 µs at any frame size), and does not judge what moves; that is the model's task. The first
frame is the background, and what has stood still for some seconds becomes part of it. The difference that counts follows the
picture's own noise, which is the median difference while less than half of the picture has changed. If more than half
changes in a picture that was still, the light or the view has changed, and the background is reset.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.types import Frame, PixelFormat

Pixels = NDArray[np.uint8]

_WIDTH, _HEIGHT = 160, 90
_BACKGROUND_TIME_CONSTANT_S = 2.0
"""Time constant with which the background follows the picture."""
_MIN_DIFFERENCE = 8.0
"""Grey levels, of 255: a smaller difference is no change, even in a picture without noise."""
_NOISE_FACTOR = 6.0
"""In units of the median difference, which for Gaussian noise is 0.67 standard deviations: so four of these."""
_NOISE_UPDATE_RATE = 0.1
_MIN_CHANGED = 0.003
"""Share of the picture that is motion: about 40 of its 14,400 pixels, 6 x 7."""
_MAX_CHANGED = 0.5
"""Share of the picture that no object covers from one frame to the next: a larger change is one of light or view."""
_SAMPLE_STEP = 4
"""Every fourth pixel both ways suffices to estimate the noise."""


class MotionDetector:
    """The background of one camera; one thread uses it."""

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._noise: float | None = None
        self._is_moving = False
        self._at_ns = 0

    def update(self, picture: Pixels, captured_ns: int) -> bool:
        """Return whether something moves in a frame, and let the background follow the frame.

        Args:
            picture: (H, W) uint8, luma of the whole frame, of any size, as from `luma`.
            captured_ns: capture time of the frame, monotonic.
        """
        small = cv2.blur(_shrink(picture), (3, 3))
        elapsed_s = max(captured_ns - self._at_ns, 0) / NS_PER_S
        self._at_ns = captured_ns
        if self._background is None:
            self._background = small.astype(np.float32)
            return False
        difference = cv2.absdiff(small, cv2.convertScaleAbs(self._background))
        if self._noise is None:
            self._noise = _median(difference)
        threshold = _MIN_DIFFERENCE + _NOISE_FACTOR * self._noise
        _, differs = cv2.threshold(difference, threshold, 255, cv2.THRESH_BINARY)
        changed = cv2.countNonZero(differs) / differs.size
        if changed > _MAX_CHANGED and not self._is_moving:
            self._background = small.astype(np.float32)
            return False
        if changed <= _MAX_CHANGED:
            self._noise += _NOISE_UPDATE_RATE * (_median(difference) - self._noise)
        cv2.accumulateWeighted(
            small, self._background, -math.expm1(-elapsed_s / _BACKGROUND_TIME_CONSTANT_S)
        )
        self._is_moving = changed >= _MIN_CHANGED
        return self._is_moving


def luma(frame: Frame) -> Pixels:
    """Return a frame's brightness as a view: not a copy, and not smaller than the detector's own picture.

    It is Y of YUV420P, the pixels of GRAY8, and of BGR24 and RGB24 the green channel, which makes up most of luma.

    Returns:
        (H, W) uint8, every n-th pixel both ways.
    """
    picture = frame.pixels[: frame.height, : frame.width]
    if frame.format in (PixelFormat.BGR24, PixelFormat.RGB24):
        picture = picture[..., 1]
    step = max(1, min(frame.width // _WIDTH, frame.height // _HEIGHT))
    return picture[::step, ::step]


def _shrink(picture: Pixels) -> Pixels:
    if picture.shape == (_HEIGHT, _WIDTH):
        return np.ascontiguousarray(picture)
    resized = cv2.resize(
        np.ascontiguousarray(picture), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)


def _median(difference: NDArray[Any]) -> float:
    sample = difference[::_SAMPLE_STEP, ::_SAMPLE_STEP].ravel()
    middle = len(sample) // 2
    return float(np.partition(sample, middle)[middle])
