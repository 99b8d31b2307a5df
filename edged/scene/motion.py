"""Motion detection: a small luma picture is compared with a running background.

It is cheap enough for every frame (some 30 µs at any frame size), and does not judge what moves; that is the model's task. The first
frame is the background, and what has stood still for some seconds becomes part of it. The difference that counts follows the
picture's own noise, which is the median difference while less than half of the picture has changed. If more than half
changes in a picture that was still, the light or the view has changed, and the background is reset.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.types import F32, Frame, PixelFormat

Pixels = NDArray[np.uint8]

PICTURE_SIZE = _WIDTH, _HEIGHT = 160, 90
"""Of the luma picture that is compared, pixels."""
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
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_BLOCK = np.ones((2, 2), np.uint8)
"""Of the detector's pixels, the smallest change that noise does not make: single pixels exceed the threshold now and then, four together hardly."""


class MotionDetector:
    """The background of one camera; one thread uses it. Its small pictures are allocated once."""

    def __init__(self) -> None:
        self._small, self._blurred, self._expected, self._difference, self._differs = np.zeros(
            (5, _HEIGHT, _WIDTH), np.uint8
        )
        self._background = np.zeros((_HEIGHT, _WIDTH), np.float32)
        self._has_background = False
        self._noise: float | None = None
        self._is_moving = False
        self._has_changes = False
        self._is_reset = False
        self._at_ns = 0

    def update(self, picture: Pixels, captured_ns: int) -> bool:
        """Return whether something moves in a frame, and let the background follow the frame.

        Args:
            picture: (H, W) uint8, luma of the whole frame, of any size, as from `luma`.
            captured_ns: capture time of the frame, monotonic.
        """
        self._shrink(picture)
        elapsed_s = max(captured_ns - self._at_ns, 0) / NS_PER_S
        self._at_ns = captured_ns
        self._has_changes = self._is_reset = False
        if not self._has_background:
            self._reset_background()
            return False
        cv2.convertScaleAbs(self._background, dst=self._expected)
        cv2.absdiff(self._blurred, self._expected, dst=self._difference)
        if self._noise is None:
            self._noise = _median(self._difference)
        threshold = _MIN_DIFFERENCE + _NOISE_FACTOR * self._noise
        cv2.threshold(self._difference, threshold, 255, cv2.THRESH_BINARY, dst=self._differs)
        changed = cv2.countNonZero(self._differs) / self._differs.size
        if changed > _MAX_CHANGED and not self._is_moving:
            self._reset_background()
            return False
        if changed <= _MAX_CHANGED:
            self._noise += _NOISE_UPDATE_RATE * (_median(self._difference) - self._noise)
        cv2.accumulateWeighted(
            self._blurred, self._background, -math.expm1(-elapsed_s / _BACKGROUND_TIME_CONSTANT_S)
        )
        self._is_moving = changed >= _MIN_CHANGED
        self._has_changes = changed > 0
        return self._is_moving

    def has_changed(self) -> bool:
        """Return whether anything in the last frame differs from the background, also if it is too small to be motion, or if the whole view changed."""
        if self._is_reset:
            return True
        if not self._has_changes:
            return False
        return cv2.countNonZero(cv2.erode(self._differs, _BLOCK, borderValue=(0.0,))) > 0

    def find_changed_areas(self) -> F32:
        """Return the areas of the last frame that differ from the background, also if they are too small to be motion.

        Changed pixels of the detector's picture with at most two pixels between them are one area; each area has a margin of one pixel.
        It is computed here, not in `update`, and costs half as much.

        Returns:
            (N, 4) float32, [x1, y1, x2, y2] normalised to the frame, the largest area first.
        """
        if not self._has_changes:
            return np.zeros((0, 4), np.float32)
        joined = cv2.dilate(self._differs, _NEIGHBOURS)
        outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        areas = sorted(map(cv2.boundingRect, outlines), key=lambda area: -area[2] * area[3])
        corners = np.array([(x, y, x + width, y + height) for x, y, width, height in areas])
        return np.asarray(corners / (_WIDTH, _HEIGHT, _WIDTH, _HEIGHT), np.float32)

    def _reset_background(self) -> None:
        np.copyto(self._background, self._blurred)
        self._has_background = self._is_reset = True

    def _shrink(self, picture: Pixels) -> None:
        if picture.shape == (_HEIGHT, _WIDTH):
            small = np.ascontiguousarray(picture)
        else:
            small = self._small
            cv2.resize(
                np.ascontiguousarray(picture),
                (_WIDTH, _HEIGHT),
                dst=small,
                interpolation=cv2.INTER_LINEAR,
            )
        cv2.blur(small, (3, 3), dst=self._blurred)


def luma(frame: Frame) -> Pixels:
    """Return a frame's brightness, as a view: not a copy, and not smaller than the detector's own picture.

    It is Y of YUV420P, the pixels of GRAY8, and of BGR24 and RGB24 the green channel, which makes up most of luma.

    Returns:
        (H, W) uint8, every n-th pixel both ways.
    """
    picture = frame.pixels[: frame.stored_height, : frame.stored_width]
    step = max(1, min(frame.stored_width // _WIDTH, frame.stored_height // _HEIGHT))
    if frame.format in (PixelFormat.BGR24, PixelFormat.RGB24):
        picture = picture[..., 1]
    return picture[::step, ::step]


def _median(difference: Pixels) -> float:
    sample = difference[::_SAMPLE_STEP, ::_SAMPLE_STEP].ravel()
    middle = len(sample) // 2
    sample.partition(middle)
    return float(sample[middle])
