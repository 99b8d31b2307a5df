"""Whether something moves in the picture: a small luma picture against a running background.

Cheap enough for every frame (some 40 µs at any frame size), and no judge of what moves: that is the model's work. The first
frame is the background, and what has stood still for some seconds becomes part of it. How much a pixel must differ follows the
picture's own noise, which is the median difference while less than half of the picture has changed. If more than half
changes in a picture that was still, it is the light or the view, and the background begins anew.
"""

import math
from dataclasses import dataclass
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
"""Of 255: below it, nothing has changed in the quietest picture."""
_NOISE_FACTOR = 6.0
"""Times the median difference, which of Gaussian noise is 0.67 standard deviations: four of them."""
_NOISE_UPDATE_RATE = 0.1
_MIN_CHANGED = 0.003
"""Share of the picture: about 40 of its 14,400 pixels, 6 x 7."""
_MAX_CHANGED = 0.5
"""A share of the picture that nothing covers from one frame to the next."""
_SAMPLE_STEP = 4
"""Every fourth pixel both ways is enough to know the noise."""


@dataclass(frozen=True, slots=True)
class MotionResult:
    """What has moved in one frame.

    Attributes:
        is_moving: whether it is worth speaking of.
        changed_share: share of the picture that differs from the background, 0..1.
    """

    is_moving: bool
    changed_share: float


class MotionDetector:
    """Knows one camera's background; belongs to one thread."""

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._noise: float | None = None
        self._is_moving = False
        self._at_ns = 0

    def update(self, picture: Pixels, captured_ns: int) -> MotionResult:
        """Compare a frame with the background, and let the background follow.

        Args:
            picture: (h, w) luma of the whole frame, any size, as `luma` gives it.
            captured_ns: of the frame.
        """
        small = cv2.blur(_shrink(picture), (3, 3))
        passed_s = max(captured_ns - self._at_ns, 0) / NS_PER_S
        self._at_ns = captured_ns
        if self._background is None:
            self._background = small.astype(np.float32)
            return MotionResult(is_moving=False, changed_share=0.0)
        difference = cv2.absdiff(small, cv2.convertScaleAbs(self._background))
        if self._noise is None:
            self._noise = _median(difference)
        least = _MIN_DIFFERENCE + _NOISE_FACTOR * self._noise
        _, differs = cv2.threshold(difference, least, 255, cv2.THRESH_BINARY)
        changed = cv2.countNonZero(differs) / differs.size
        if changed > _MAX_CHANGED and not self._is_moving:
            self._background = small.astype(np.float32)
            return MotionResult(is_moving=False, changed_share=changed)
        if changed <= _MAX_CHANGED:
            self._noise += _NOISE_UPDATE_RATE * (_median(difference) - self._noise)
        cv2.accumulateWeighted(
            small, self._background, -math.expm1(-passed_s / _BACKGROUND_TIME_CONSTANT_S)
        )
        self._is_moving = changed >= _MIN_CHANGED
        return MotionResult(is_moving=self._is_moving, changed_share=changed)


def luma(frame: Frame) -> Pixels:
    """A frame's brightness, (h, w), as a view that costs nothing: not a copy, and not smaller than the detector's own picture.

    Y of YUV420P, the pixels of GRAY8, and green, which is most of luma, of BGR24 and RGB24; every so many pixels of it.
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
