"""A classifier's answers as arrays, and the figures that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged.types import F32, I32
from edged_models.evaluation.classifier_results import ClassResult, ReliabilityBin
from edged_models.evaluation.results import Confusion

TOP = 5
BIN_COUNT = 15
"""Ranges of the best score, as Guo et al. 2017 (On Calibration of Modern Neural Networks) took them."""
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class ClassifiedPicture:
    """A classifier's answer for one picture.

    Attributes:
        true_id: index of the picture's class in the evaluated labels; -1 if the model lacks it.
        ranked_ids: (K,) int32, the model's best class ids, best first; K is `TOP` or the number of classes.
        ranked: (K,) int32, the same as indices into the evaluated labels; -1 for a class that the pictures lack.
        scores: (K,) float32, their scores.
        true_score: score of the picture's class; 0 if the model lacks it.
    """

    true_id: int
    ranked_ids: I32
    ranked: I32
    scores: F32
    true_score: float

    @property
    def is_right(self) -> bool:
        """True if the best class is the picture's."""
        return bool(self.ranked[0] == self.true_id)


@dataclass(frozen=True, slots=True)
class ClassScores:
    """The answers for N pictures whose classes the model has.

    Attributes:
        true: (N,) int32, indices into the evaluated labels.
        ranked: (N, K) int32, the best classes as `ClassifiedPicture.ranked`.
        scores: (N,) float64, the best scores, clipped to 0..1 as the daemon does.
    """

    true: I32
    ranked: I32
    scores: NDArray[np.float64]

    @classmethod
    def collect(cls, pictures: Sequence[ClassifiedPicture]) -> Self:
        """Collect the pictures whose class the model has."""
        known = [one for one in pictures if one.true_id >= 0]
        width = min((len(one.ranked) for one in pictures), default=1)
        return cls(
            np.array([one.true_id for one in known], np.int32),
            np.array([one.ranked for one in known], np.int32).reshape(-1, width),
            np.clip(np.array([one.scores[0] for one in known], np.float64), 0.0, 1.0),
        )

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """The pictures whose best class is right: (N,) bool."""
        return np.asarray(self.ranked[:, 0] == self.true)

    def accuracy(self, top: int) -> float:
        """Return the share of pictures whose class is among the `top` best."""
        return float((self.ranked[:, :top] == self.true[:, None]).any(axis=1).mean())


def build_class_confusion(answers: ClassScores, labels: tuple[str, ...]) -> Confusion:
    """Build the confusion matrix: true classes as rows, best classes as columns, the last for all others."""
    counts = np.zeros((len(labels) + 1, len(labels) + 1), np.int64)
    np.add.at(counts, (answers.true, answers.ranked[:, 0]), 1)
    rows = tuple(tuple(row) for row in counts.tolist())
    return Confusion(labels=(*labels, _OTHER), counts=rows)


def build_class_results(confusion: Confusion) -> tuple[ClassResult, ...]:
    """Return precision and recall of each class but ``other``."""
    counts = np.array(confusion.counts)
    right, true, best = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return tuple(
        ClassResult(
            label=label,
            count=int(true[i]),
            precision=float(right[i] / best[i]) if best[i] else None,
            recall=float(right[i] / true[i]) if true[i] else None,
            f1=float(2 * right[i] / (true[i] + best[i])) if true[i] + best[i] else None,
        )
        for i, label in enumerate(confusion.labels[:-1])
    )


def build_reliability(answers: ClassScores) -> tuple[ReliabilityBin, ...]:
    """Sort the pictures by their best score into `BIN_COUNT` equal ranges, open below."""
    edges = np.linspace(0, 1, BIN_COUNT + 1)
    indices = np.clip(np.searchsorted(edges, answers.scores, side="left") - 1, 0, BIN_COUNT - 1)
    return tuple(
        _build_bin(answers, indices == i, low=float(edges[i]), high=float(edges[i + 1]))
        for i in range(BIN_COUNT)
    )


def _build_bin(
    answers: ClassScores, chosen: NDArray[np.bool_], *, low: float, high: float
) -> ReliabilityBin:
    count = int(chosen.sum())
    return ReliabilityBin(
        low=low,
        high=high,
        count=count,
        mean_score=float(answers.scores[chosen].mean()) if count else None,
        accuracy=float(answers.is_right[chosen].mean()) if count else None,
    )


def compute_calibration_error(reliability: Sequence[ReliabilityBin]) -> float:
    """Return the mean difference of mean score and accuracy, weighted by the number of pictures."""
    total = sum(one.count for one in reliability)
    gaps = (
        one.count * abs(one.mean_score - one.accuracy)
        for one in reliability
        if one.mean_score is not None and one.accuracy is not None
    )
    return sum(gaps) / total
