"""Agreement of a result with its source, by what the model is for. Pure."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edged.model.agreement import MIN_IOU
from edged.scene.box_arrays import iou_matrix
from edged.types import Detections

F32 = NDArray[np.float32]
MIN_MARGIN = 0.1
"""Between the two best probabilities of the source: below it the picture is undecided, and rounding may turn it either way."""
MIN_DECIDED = 8
"""With fewer decided pictures the agreement of classes is no measure, and only the errors of the outputs count."""
_MIN_RELATIVE_MARGIN = 0.3
MIN_SCORE = 0.3
"""From this score a detection counts."""
_SCORE_SLACK = 0.1
"""A detection may lose so much of its score before it counts as lost."""
_TOP = 5


class ClassAgreement(Struct, frozen=True, kw_only=True):
    """Agreement of two classifiers.

    Attributes:
        pictures: number of pictures.
        top1: share of the pictures with the same best class.
        top5: share of the pictures whose best class in the source is among the result's best five.
        decided: number of pictures that the source decides by a margin of `MIN_MARGIN` or more.
        decided_classes: number of different classes among those.
        top1_decided: share of those with the same best class; None if there are none.
    """

    pictures: int
    top1: float
    top5: float
    decided: int
    decided_classes: int
    top1_decided: float | None


class BoxAgreement(Struct, frozen=True, kw_only=True):
    """Agreement of two detectors.

    Attributes:
        pictures: number of pictures.
        source_objects: detections of the source, with a score of `MIN_SCORE` or more.
        result_objects: those of the result.
        agreement: share of both that the other one has, too: same class, an IoU of 0.5 or more; None if there are none.
        mean_iou: over the common ones; None if there are none.
        mean_score_difference: mean absolute difference of their scores; None if there are none.
    """

    pictures: int
    source_objects: int
    result_objects: int
    agreement: float | None
    mean_iou: float | None
    mean_score_difference: float | None


def compare_classes(expected: F32, actual: F32) -> ClassAgreement:
    """Compare probabilities: (P, C) float32 of P pictures, the source's and the result's."""
    decided = _find_decided(expected)
    best = expected.argmax(axis=1)
    same = best == actual.argmax(axis=1)
    # Among equal scores, as those that were all rounded to 0, a class has no place.
    places = (actual >= np.take_along_axis(actual, best[:, None], axis=1)).sum(axis=1)
    return ClassAgreement(
        pictures=len(expected),
        top1=float(same.mean()),
        top5=float((places <= _TOP).mean()),
        decided=int(decided.sum()),
        decided_classes=len(np.unique(best[decided])),
        top1_decided=float(same[decided].mean()) if decided.any() else None,
    )


def _find_decided(probabilities: F32) -> NDArray[np.bool_]:
    """Return which pictures are decided: (P,) bool of (P, C) float32.

    If that is nearly none, as with a thousand classes or unsure scores, the margin counts as a share of what the scores differ at all.
    """
    ordered = np.sort(probabilities, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    decided = margin >= MIN_MARGIN
    if decided.sum() >= MIN_DECIDED:
        return np.asarray(decided)
    return np.asarray(margin >= _MIN_RELATIVE_MARGIN * (ordered[:, -1] - ordered[:, 0]).clip(1e-9))


def to_probabilities(values: F32, *, has_logits: bool) -> F32:
    """Return the probabilities, (P, C) float32, of scores of the same shape, which may be logits."""
    if not has_logits:
        return values
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def compare_boxes(expected: Sequence[Detections], actual: Sequence[Detections]) -> BoxAgreement:
    """Compare the detections of the source and of the result, one of each for a picture, with scores from `lower_min_score()`.

    A detection counts from `MIN_SCORE`; its partner's score may be a little below.
    """
    ious: list[float] = []
    differences: list[float] = []
    found = counted_source = counted_result = 0
    for left, right in zip(expected, actual, strict=True):
        pairs = _match(left, right)
        ious += [iou for _, _, iou in pairs]
        differences += [abs(float(left.scores[i] - right.scores[j])) for i, j, _ in pairs]
        counted_source += int((left.scores >= MIN_SCORE).sum())
        counted_result += int((right.scores >= MIN_SCORE).sum())
        found += sum(int(left.scores[i] >= MIN_SCORE) for i, _, _ in pairs)
        found += sum(int(right.scores[j] >= MIN_SCORE) for _, j, _ in pairs)
    counted = counted_source + counted_result
    return BoxAgreement(
        pictures=len(expected),
        source_objects=counted_source,
        result_objects=counted_result,
        agreement=found / counted if counted else None,
        mean_iou=float(np.mean(ious)) if ious else None,
        mean_score_difference=float(np.mean(differences)) if ious else None,
    )


def lower_min_score() -> float:
    """Return the score from which detections are needed for `compare_boxes`."""
    return MIN_SCORE - _SCORE_SLACK


def _match(left: Detections, right: Detections) -> list[tuple[int, int, float]]:
    """Match detections of a class, the pairs that overlap most first; at least one of a pair counts."""
    overlap = iou_matrix(left.boxes, right.boxes)
    counts = np.maximum(left.scores[:, None], right.scores[None, :]) >= MIN_SCORE
    fits = (overlap >= MIN_IOU) & (left.class_ids[:, None] == right.class_ids[None, :]) & counts
    pairs: list[tuple[int, int, float]] = []
    rows, columns = np.nonzero(fits)
    for at in np.argsort(-overlap[rows, columns], kind="stable"):
        i, j = int(rows[at]), int(columns[at])
        if all(i != one and j != other for one, other, _ in pairs):
            pairs.append((i, j, float(overlap[i, j])))
    return pairs
