"""The choice of a score threshold for each class, by the false alarms that it may give."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edged_models.errors import ToolError
from edged_models.evaluation.comparison import AnyResult
from edged_models.evaluation.evaluate import EvaluationResult
from edged_models.evaluation.evaluate_classifier import ClassifierResult

MIN_THRESHOLD = 0.5
"""The daemon's default; a model's thresholds can only raise it."""
_STEPS = 10_000
"""Thresholds have four decimals."""
PER_PICTURES = 1000


class ChosenThreshold(Struct, frozen=True, kw_only=True):
    """The threshold of one class, and what it costs.

    Attributes:
        label: the class's name.
        threshold: the lowest from 0.5 to 1 that gives no more false alarms than wanted; None if even 1 gives more.
        false_alarms: detections of the class at the threshold in pictures that do not show it.
        pictures_without: number of these pictures.
        objects: number of objects (for a classifier, pictures) of the class.
        default_recall: share of these that are found at 0.5; None without any.
        recall: share of these that are found at the threshold; None without any.
    """

    label: str
    threshold: float | None
    false_alarms: int
    pictures_without: int
    objects: int
    default_recall: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class _ClassEvidence:
    label: str
    alarm_scores: NDArray[np.float64]
    pictures_without: int
    hit_scores: NDArray[np.float64]
    objects: int

    def recall(self, threshold: float) -> float | None:
        return float((self.hit_scores >= threshold).sum()) / self.objects if self.objects else None


def choose_thresholds(result: AnyResult, rate: float) -> tuple[ChosenThreshold, ...]:
    """Choose for each evaluated class the lowest threshold that keeps a rate of false alarms.

    A false alarm of a class is a detection of it in a picture that shows no object and no crowd of the class; for a classifier, a
    picture of another class whose best class it is.

    Args:
        result: of one model.
        rate: false alarms of a class per 1000 pictures that do not show it.

    Raises:
        ToolError: a class is in every picture.
    """
    evidence = (
        _collect_detections(result)
        if isinstance(result, EvaluationResult)
        else _collect_answers(result)
    )
    return tuple(_choose(one, rate) for one in evidence)


def select_writable(chosen: Sequence[ChosenThreshold], rate: float) -> dict[str, float]:
    """Return the thresholds by label.

    Raises:
        ToolError: a class has none.
    """
    unreachable = [one.label for one in chosen if one.threshold is None]
    if unreachable:
        raise ToolError(
            f"no threshold keeps {', '.join(unreachable)} to {rate:g} false alarms per {PER_PICTURES} pictures: "
            "some have the score 1; allow more with --thresholds-for, or train with such pictures"
        )
    return {one.label: one.threshold for one in chosen if one.threshold is not None}


def _choose(one: _ClassEvidence, rate: float) -> ChosenThreshold:
    if not one.pictures_without:
        raise ToolError(
            f"every picture shows {one.label}: false alarms need pictures that do not show it; add some"
        )
    threshold = _find_lowest(one, rate)
    reached = threshold if threshold <= 1 else None
    return ChosenThreshold(
        label=one.label,
        threshold=reached,
        false_alarms=int((one.alarm_scores >= min(threshold, 1.0)).sum()),
        pictures_without=one.pictures_without,
        objects=one.objects,
        default_recall=one.recall(MIN_THRESHOLD),
        recall=None if reached is None else one.recall(reached),
    )


def _find_lowest(one: _ClassEvidence, rate: float) -> float:
    """Return the lowest threshold that keeps the rate; it may be above 1."""
    # A rate as 0.7 times 10 pictures is not quite what it is in decimals.
    allowed = math.floor(rate * one.pictures_without / PER_PICTURES + 1e-9)
    if len(one.alarm_scores) <= allowed:
        return MIN_THRESHOLD
    highest_excess = float(np.sort(one.alarm_scores)[::-1][allowed])
    return max(MIN_THRESHOLD, (math.floor(highest_excess * _STEPS) + 1) / _STEPS)


def _collect_detections(result: EvaluationResult) -> Iterator[_ClassEvidence]:
    for index, label in enumerate(result.mapping.labels):
        without = [
            one
            for one in result.results
            if index not in one.true_class_ids and index not in one.crowd_class_ids
        ]
        found = [one.detections.scores[one.detections.class_ids == index] for one in without]
        ranked = result.precisions.ranked[index]
        yield _ClassEvidence(
            label=label,
            alarm_scores=np.concatenate([np.zeros(0), *found]),
            pictures_without=len(without),
            hit_scores=ranked.scores[ranked.is_correct],
            objects=ranked.object_count,
        )


def _collect_answers(result: ClassifierResult) -> Iterator[_ClassEvidence]:
    true = np.array([one.true_id for one in result.answers])
    best = np.array([one.ranked[0] for one in result.answers])
    scores = np.clip([float(one.scores[0]) for one in result.answers], 0.0, 1.0)
    for index, label in enumerate(result.mapping.labels):
        yield _ClassEvidence(
            label=label,
            alarm_scores=scores[(best == index) & (true != index)],
            pictures_without=int((true != index).sum()),
            hit_scores=scores[(best == index) & (true == index)],
            objects=int((true == index).sum()),
        )
