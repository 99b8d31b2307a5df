"""The detections of one class matched with its objects, and average precision over any weighting of the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_RECALLS = np.linspace(0, 1, 101)
_IOU_COUNT = 10
_EPSILON = np.spacing(1)


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """The N detections of one class in P pictures, best first, as pycocotools has matched them at each IoU, 0.5 to 0.95.

    Attributes:
        scores: (N,) float64.
        pictures: (N,) intp, the index of each detection's picture.
        is_match: (10, N) bool, true where it matches an object, or a crowd.
        is_ignored: (10, N) bool, true where it lies in a crowd.
        object_counts: (P,) int64, objects of the class in each picture.
    """

    scores: NDArray[np.float64]
    pictures: NDArray[np.intp]
    is_match: NDArray[np.bool_]
    is_ignored: NDArray[np.bool_]
    object_counts: NDArray[np.int64]

    @classmethod
    def collect(cls, images: Sequence[dict[str, Any] | None]) -> Self:
        """Collect the entries of ``COCOeval.evalImgs`` of one class and size, one for each picture, None where nothing is."""
        found = [(i, image) for i, image in enumerate(images) if image]
        scores = np.array([score for _, one in found for score in one["dtScores"]], np.float64)
        counts = [len(one["dtScores"]) for _, one in found]
        order = np.argsort(-scores, kind="mergesort")
        objects = np.zeros(len(images), np.int64)
        for i, one in found:
            objects[i] = int((1 - one["gtIgnore"]).sum())
        return cls(
            scores[order],
            np.repeat([i for i, _ in found], counts).astype(np.intp)[order],
            _join([one["dtMatches"] > 0 for _, one in found])[:, order],
            _join([one["dtIgnore"] for _, one in found])[:, order],
            objects,
        )

    def average_precision(self, weights: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return AP at each IoU, if each picture occurs as often as its weight says: what pycocotools computes for such a set.

        Args:
            weights: (P,) int64.

        Returns:
            (10,) float64, or None without objects.
        """
        objects = int(weights @ self.object_counts)
        if not objects:
            return None
        counted = np.where(self.is_ignored, 0, weights[self.pictures])
        right = np.cumsum(np.where(self.is_match, counted, 0), axis=1, dtype=np.float64)
        total = np.cumsum(counted, axis=1, dtype=np.float64)
        return _mean_over_recall(right / (total + _EPSILON), right / objects)


def mean_average_precision(
    matches: Sequence[ClassMatches], weights: NDArray[np.int64]
) -> float | None:
    """Return AP, the mean over IoU and those classes that have objects; None without any.

    Args:
        matches: of each class.
        weights: (P,) int64, how often each picture occurs.
    """
    by_class = [one.average_precision(weights) for one in matches]
    known = [values for values in by_class if values is not None]
    return float(np.mean(known)) if known else None


def _mean_over_recall(
    precision: NDArray[np.float64], recall: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean precision over 101 recalls, at each the best from there on: (10,) of two (10, N)."""
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # Beyond the highest recall the precision is 0.
    padded = np.pad(best, ((0, 0), (0, 1)))
    rows = zip(padded, recall, strict=True)
    return np.array([
        row[np.searchsorted(reached, _RECALLS, side="left")].mean() for row, reached in rows
    ])  # fmt: skip


def _join(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.bool_]:
    return np.concatenate(
        [np.zeros((_IOU_COUNT, 0), bool), *(part.astype(bool) for part in parts)], axis=1
    )
