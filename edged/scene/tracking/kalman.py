"""A constant-velocity Kalman filter that predicts one box.

The state is centre x, centre y, width, height and their rates. Both the detector's error and the object's acceleration are taken
proportional to the box's size, so that in units of that size the four coordinates of a box share one 2x2 covariance. Time steps
may differ: the process noise is that of white acceleration,
``q [[t^3/3, t^2/2], [t^2/2, t]]`` (Bar-Shalom, Li, Kirubarajan 2001, "Estimation with Applications to Tracking and Navigation", eq. 6.2.2-12).
"""

import math

from edged.clock import NS_PER_S
from edged.types import Box

_BOX_NOISE = 0.08
"""Standard deviation of a detected coordinate, in box sizes."""
_BOX_VARIANCE = _BOX_NOISE**2
_ACCELERATION = 0.1
"""Spectral density of the acceleration, sizes^2 / s^3: within a second a speed drifts by a third of a box size a second."""
_INITIAL_RATE = 1.5
"""Standard deviation of the speed of an object seen once, sizes / s."""
_MAX_HORIZON_S = 2.0
"""Horizon of the prediction: the present speed does not predict the position after a longer time."""


_EDGE = 0.005
"""Distance from the frame's edge within which a box is cut off by it, in fractions of the frame: the jitter of a small box."""


class BoxFilter:
    """The filter of one box. Coordinates are normalised to the frame."""

    __slots__ = (
        *("_at_ns", "_cross", "_rate", "_step_s", "_value"),
        *("_height", "_height_rate", "_width", "_width_rate", "_x", "_x_rate", "_y", "_y_rate"),
        *("_next_height", "_next_width", "_next_x", "_next_y"),
    )

    def __init__(self, box: Box, now_ns: int) -> None:
        """Start with a box that was detected for the first time, with an unknown rate that is expected to be 0.

        Args:
            box: [x1, y1, x2, y2].
            now_ns: capture time of its frame.
        """
        x1, y1, x2, y2 = box
        self._x, self._y, self._width, self._height = (
            (x1 + x2) * 0.5,
            (y1 + y2) * 0.5,
            x2 - x1,
            y2 - y1,
        )
        self._x_rate = self._y_rate = self._width_rate = self._height_rate = 0.0
        self._value, self._cross, self._rate = _BOX_VARIANCE, 0.0, _INITIAL_RATE**2
        self._at_ns = now_ns
        self._step_s = 0.0
        self._next_x, self._next_y = self._x, self._y
        self._next_width, self._next_height = self._width, self._height

    def predict(self, now_ns: int) -> Box:
        """Predict the box at `now_ns`; it may leave the frame. The filter stays as it is until it is corrected."""
        step = (now_ns - self._at_ns) / NS_PER_S
        step = 0.0 if step < 0.0 else _MAX_HORIZON_S if step > _MAX_HORIZON_S else step
        self._step_s = step
        width, height = self._width, self._height
        next_width = width + self._width_rate * step
        if not width * 0.5 <= next_width <= width * 2.0:
            next_width = width * (0.5 if next_width < width else 2.0)
        next_height = height + self._height_rate * step
        if not height * 0.5 <= next_height <= height * 2.0:
            next_height = height * (0.5 if next_height < height else 2.0)
        self._next_x = x = self._x + self._x_rate * step
        self._next_y = y = self._y + self._y_rate * step
        self._next_width, self._next_height = next_width, next_height
        half_width, half_height = next_width * 0.5, next_height * 0.5
        left, top, right, bottom = x - half_width, y - half_height, x + half_width, y + half_height
        if left > _EDGE and top > _EDGE and right < 1.0 - _EDGE and bottom < 1.0 - _EDGE:
            return left, top, right, bottom
        if width_cut := _cut_span(self._x, width, self._x_rate, self._width_rate, step):
            left, right = width_cut
        if height_cut := _cut_span(self._y, height, self._y_rate, self._height_rate, step):
            top, bottom = height_cut
        return left, top, right, bottom

    @property
    def spread(self) -> float:
        """Standard deviation of the centre that a detection will have at the predicted moment, in box sizes."""
        return math.sqrt(self._predict_covariance()[0] + _BOX_VARIANCE)

    def _predict_covariance(self) -> tuple[float, float, float]:
        """Return the covariance of value, of value with rate, and of rate at the predicted moment, in box sizes."""
        step, cross, rate = self._step_s, self._cross, self._rate
        growth = _ACCELERATION * step
        value = self._value + step * (2.0 * cross + step * (rate + growth / 3.0))
        return value, cross + step * (rate + growth / 2.0), rate + growth

    def correct(self, box: Box, now_ns: int) -> None:
        """Correct the filter by a detection.

        Args:
            box: the detected box, [x1, y1, x2, y2].
            now_ns: the moment of the last prediction.
        """
        value, cross, rate = self._predict_covariance()
        scale = 1.0 / (value + _BOX_VARIANCE)
        gain, rate_gain = value * scale, cross * scale
        rest = 1.0 - gain
        self._value, self._cross, self._rate = value * rest, cross * rest, rate - rate_gain * cross
        x1, y1, x2, y2 = box
        expected = self._next_x
        error = (x1 + x2) * 0.5 - expected
        self._x = expected + gain * error
        self._x_rate += rate_gain * error
        expected = self._next_y
        error = (y1 + y2) * 0.5 - expected
        self._y = expected + gain * error
        self._y_rate += rate_gain * error
        expected = self._next_width
        error = x2 - x1 - expected
        self._width = expected + gain * error
        self._width_rate += rate_gain * error
        expected = self._next_height
        error = y2 - y1 - expected
        self._height = expected + gain * error
        self._height_rate += rate_gain * error
        self._at_ns = now_ns


def _cut_span(
    centre: float, size: float, rate: float, size_rate: float, step: float
) -> tuple[float, float] | None:
    """Predict the extent of a box that one edge of the frame cuts off: that side stays at the edge, until the other one arrives there.

    Without this, the box of an object that has left waits at the edge, and the next one to enter there takes its id.

    Args:
        centre: the box's centre on one axis, in fractions of the frame.
        size: its size on that axis.
        rate: rate of the centre, 1 / s.
        size_rate: rate of the size, 1 / s.
        step: time to predict, seconds.

    Returns:
        Where it begins and ends; the same number once it has left; None if no edge cuts it off, or both do.
    """
    start, end = centre - size * 0.5, centre + size * 0.5
    is_start_cut, is_end_cut = start < _EDGE, end > 1.0 - _EDGE
    if is_start_cut == is_end_cut:
        return None
    if is_end_cut:
        return min(start + (rate - size_rate * 0.5) * step, 1.0), 1.0
    return 0.0, max(end + (rate + size_rate * 0.5) * step, 0.0)
