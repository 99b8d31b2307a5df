"""Constant-velocity Kalman filters that predict boxes, many at once.

The state is centre x, centre y, width, height and their rates. Both the detector's error and the objects' acceleration are taken
proportional to the box's size, so that in units of that size the four coordinates of a box share one 2x2 covariance, and a
frame's filters are a few operations on (N,) arrays. Time steps may differ: the process noise is that of white acceleration,
``q [[t^3/3, t^2/2], [t^2/2, t]]`` (Bar-Shalom, Li, Kirubarajan 2001, "Estimation with Applications to Tracking and Navigation", eq. 6.2.2-12).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.types import F32

F64 = NDArray[np.float64]

_BOX_NOISE = 0.08
"""Standard deviation of a detected coordinate, in box sizes."""
_ACCELERATION = 0.3
"""Spectral density of the acceleration, sizes^2 / s^3: within a second a speed drifts by half a box size a second."""
_INITIAL_RATE = 1.5
"""Standard deviation of the speed of an object seen once, sizes / s."""
_MAX_HORIZON_S = 2.0
"""Horizon of the prediction: the present speed does not predict the position after a longer time."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The filters' prediction for one moment. Coordinates are normalised to the frame.

    Attributes:
        at_ns: that moment.
        mean: (N, 4) float64, centre and sides, [x, y, width, height].
        cov: (N, 3) float64, covariance of value, of value with rate, and of rate, in box sizes.
        boxes: (N, 4) float32, [x1, y1, x2, y2]; they may leave the frame.
        spread: (N,) float32, standard deviation of the centre that a detection will have, in box sizes.
    """

    at_ns: int
    mean: F64
    cov: F64
    boxes: F32
    spread: F32


class BoxKalmanFilters:
    """One filter for each box; the caller keeps its own rows in the same order."""

    def __init__(self) -> None:
        self._mean: F64 = np.zeros((0, 4))
        self._rate: F64 = np.zeros((0, 4))
        self._cov: F64 = np.zeros((0, 3))
        self._at_ns = np.zeros(0, np.int64)

    def predict(self, now_ns: int) -> Forecast:
        """Predict the boxes at `now_ns`. The filters stay as they are until they are corrected."""
        t = np.clip((now_ns - self._at_ns) / NS_PER_S, 0.0, _MAX_HORIZON_S)
        sides = self._mean[:, 2:]
        mean = self._mean + self._rate * t[:, None]
        np.clip(mean[:, 2:], sides * 0.5, sides * 2.0, out=mean[:, 2:])
        value, cross, rate = self._cov.T
        growth = _ACCELERATION * t
        cov = np.empty(self._cov.shape)
        cov[:, 0] = value + t * (2.0 * cross + t * (rate + growth / 3.0))
        cov[:, 1] = cross + t * (rate + growth / 2.0)
        cov[:, 2] = rate + growth
        half = mean[:, 2:] * 0.5
        boxes = np.empty(mean.shape, np.float32)
        boxes[:, :2] = mean[:, :2] - half
        boxes[:, 2:] = mean[:, :2] + half
        spread = np.sqrt(cov[:, 0] + _BOX_NOISE**2).astype(np.float32)
        return Forecast(now_ns, mean, cov, boxes, spread)

    def correct(self, forecast: Forecast, rows: NDArray[np.intp], boxes: F32) -> None:
        """Correct some filters by detections.

        Args:
            forecast: the prediction for the time of the detections.
            rows: (K,) intp, the filters to correct.
            boxes: (K, 4) float32, their detected boxes, [x1, y1, x2, y2] normalised to the frame.
        """
        mean, cov = forecast.mean[rows], forecast.cov[rows]
        gain = cov[:, :2] / (cov[:, :1] + _BOX_NOISE**2)
        residual = _to_centre_size(boxes) - mean
        self._mean[rows] = mean + gain[:, :1] * residual
        self._rate[rows] += gain[:, 1:] * residual
        cov[:, 2] -= gain[:, 1] * cov[:, 1]
        cov[:, :2] *= 1.0 - gain[:, :1]
        self._cov[rows] = cov
        self._at_ns[rows] = forecast.at_ns

    def add(self, boxes: F32, now_ns: int) -> None:
        """Append filters for boxes detected for the first time, with an unknown rate that is expected to be 0.

        Args:
            boxes: (K, 4) float32, [x1, y1, x2, y2] normalised to the frame.
            now_ns: capture time of their frame.
        """
        count = len(boxes)
        first = np.tile((_BOX_NOISE**2, 0.0, _INITIAL_RATE**2), (count, 1))
        self._mean = np.concatenate((self._mean, _to_centre_size(boxes)))
        self._rate = np.concatenate((self._rate, np.zeros((count, 4))))
        self._cov = np.concatenate((self._cov, first))
        self._at_ns = np.concatenate((self._at_ns, np.full(count, now_ns, np.int64)))

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Remove all filters but some.

        Args:
            rows: (K,) intp, the filters to keep.
        """
        self._mean, self._rate = self._mean[rows], self._rate[rows]
        self._cov, self._at_ns = self._cov[rows], self._at_ns[rows]


def _to_centre_size(boxes: F32) -> F64:
    """Convert (N, 4) corners to centre and sides."""
    centred = np.empty(boxes.shape)
    centred[:, :2] = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
    centred[:, 2:] = boxes[:, 2:] - boxes[:, :2]
    return centred
