"""Where boxes will be: constant-velocity Kalman filters, many at once.

The state is centre x, centre y, width, height and their rates. Both the detector's error and the objects' acceleration are taken
proportional to the box's size, so that in units of that size the four coordinates of a box share one 2x2 covariance, and a
frame's filters are a few operations on (N,) arrays. Time steps may differ: the process noise is that of white acceleration,
``q [[t^3/3, t^2/2], [t^2/2, t]]`` (Bar-Shalom, Li, Kirubarajan 2001, "Estimation with Applications to Tracking and Navigation", eq. 6.2.2-12).
"""

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S
from edged.types import F32

F64 = NDArray[np.float64]

_BOX_NOISE = 0.05
"""Standard deviation of a detected coordinate, in box sizes."""
_ACCELERATION = 1.0
"""Spectral density of the acceleration, sizes^2 / s^3: a walker who stops and turns."""
_FIRST_RATE = 1.5
"""Standard deviation of the speed of an object seen once, sizes / s."""
_HORIZON_S = 2.0
"""Speed tells nothing of what is further away than this."""


class BoxFilters:
    """One filter a row; the caller keeps the rows in step with its own."""

    def __init__(self) -> None:
        self._mean: F64 = np.zeros((0, 4))
        self._rate: F64 = np.zeros((0, 4))
        self._cov: F64 = np.zeros((0, 3))  # of value, value with rate, rate
        self._at_ns = np.zeros(0, np.int64)

    def predict(self, now_ns: int) -> tuple[F32, F32]:
        """Where the boxes should be now.

        Returns:
            (N, 4) boxes, which may leave the frame, and (N,) standard deviations of their centres, in box sizes.
        """
        mean, cov = self._ahead(np.arange(len(self._mean)), now_ns)
        half = mean[:, 2:] / 2.0
        boxes = np.concatenate((mean[:, :2] - half, mean[:, :2] + half), axis=1)
        return boxes.astype(np.float32), np.sqrt(cov[:, 0] + _BOX_NOISE**2).astype(np.float32)

    def correct(self, rows: NDArray[np.intp], boxes: F32, now_ns: int) -> None:
        """Tell some filters what was seen: `boxes` (K, 4) for `rows` (K,)."""
        mean, cov = self._ahead(rows, now_ns)
        gain = cov[:, :2] / (cov[:, :1] + _BOX_NOISE**2)
        surprise = _centred(boxes) - mean
        self._mean[rows] = mean + gain[:, :1] * surprise
        self._rate[rows] += gain[:, 1:] * surprise
        self._cov[rows, :2] = cov[:, :2] * (1.0 - gain[:, :1])
        self._cov[rows, 2] = cov[:, 2] - gain[:, 1] * cov[:, 1]
        self._at_ns[rows] = now_ns

    def add(self, boxes: F32, now_ns: int) -> None:
        """Append filters for boxes seen for the first time, at rest until seen again."""
        count = len(boxes)
        first = np.tile((_BOX_NOISE**2, 0.0, _FIRST_RATE**2), (count, 1))
        self._mean = np.concatenate((self._mean, _centred(boxes)))
        self._rate = np.concatenate((self._rate, np.zeros((count, 4))))
        self._cov = np.concatenate((self._cov, first))
        self._at_ns = np.concatenate((self._at_ns, np.full(count, now_ns, np.int64)))

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Drop all other filters."""
        self._mean, self._rate = self._mean[rows], self._rate[rows]
        self._cov, self._at_ns = self._cov[rows], self._at_ns[rows]

    def _ahead(self, rows: NDArray[np.intp], now_ns: int) -> tuple[F64, F64]:
        """Means and covariances of some rows at `now_ns`."""
        t = np.clip((now_ns - self._at_ns[rows]) / NS_PER_S, 0.0, _HORIZON_S)
        old, rate, cov = self._mean[rows], self._rate[rows], self._cov[rows]
        mean = old + rate * t[:, None]
        mean[:, 2:] = np.clip(mean[:, 2:], old[:, 2:] / 2.0, old[:, 2:] * 2.0)
        ahead = np.empty_like(cov)
        ahead[:, 0] = cov[:, 0] + t * (2.0 * cov[:, 1] + t * cov[:, 2]) + _ACCELERATION * t**3 / 3.0
        ahead[:, 1] = cov[:, 1] + t * cov[:, 2] + _ACCELERATION * t**2 / 2.0
        ahead[:, 2] = cov[:, 2] + _ACCELERATION * t
        return mean, ahead


def _centred(boxes: F32) -> F64:
    """Corners -> centre and sides."""
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    return np.concatenate(((low + high) / 2.0, high - low), axis=1)
