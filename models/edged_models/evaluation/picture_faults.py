"""Faults of a model in each picture, and their cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edged.scene.box_arrays import iou_matrix
from edged.types import F32, I32, Detections
from edged_models.evaluation.class_scores import ClassifiedPicture
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.threshold import find_crowded

_MIN_IOU = 0.5


class BoxMark(StrEnum):
    """The kinds of boxes in a judged picture."""

    FOUND = "found"
    """An object with a detection of its class."""
    MISSED = "missed"
    """An object without one."""
    RIGHT = "right"
    """A detection of an object."""
    FALSE = "false"
    """A detection of nothing."""
    CROWD = "crowd"
    """An area in which nothing is judged, or a detection there."""


@dataclass(frozen=True, slots=True)
class MarkedBox:
    """A true or detected box.

    Attributes:
        mark: what it is.
        box: [x1, y1, x2, y2] normalised to the picture.
        label_id: index of its class in the evaluated labels.
        score: of a detection; None for a true box.
    """

    mark: BoxMark
    box: tuple[float, float, float, float]
    label_id: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PictureFaults:
    """One picture's boxes and the cost of its faults.

    Attributes:
        index: of the picture in the set.
        cost: 1 for each missed object, and the score of each false detection.
        boxes: all boxes of the picture.
    """

    index: int
    cost: float
    boxes: tuple[MarkedBox, ...]


def rank_detector_faults(
    results: Sequence[PictureResult], *, min_score: float
) -> list[PictureFaults]:
    """Return the pictures, worst first: the sum of 1 for each missed object and the score of each false detection.

    Args:
        results: the model's result for each picture.
        min_score: the threshold; detections below it do not count.
    """
    faults = [_judge(i, one, min_score) for i, one in enumerate(results)]
    return sorted(faults, key=lambda one: (-one.cost, one.index))


def rank_classifier_faults(answers: Sequence[ClassifiedPicture]) -> list[int]:
    """Return the indices of the pictures whose class the model has: wrong ones first, the surest first; then right ones, the least sure first."""
    known = [i for i, one in enumerate(answers) if one.true_id >= 0]
    return sorted(known, key=lambda i: (answers[i].is_right, -_margin(answers[i]), i))


def _margin(answer: ClassifiedPicture) -> float:
    """Return by how much the model preferred a wrong class: negative if it preferred the right one."""
    wrong = answer.scores[answer.ranked != answer.true_id]
    return float(wrong.max(initial=0.0)) - answer.true_score


def _judge(index: int, result: PictureResult, min_score: float) -> PictureFaults:
    found = result.detections[result.detections.scores >= min_score]
    matched = _match(result, found)
    crowded = find_crowded(result, found)
    detected = [
        BoxMark.RIGHT if i in matched else BoxMark.CROWD if crowded[i] else BoxMark.FALSE
        for i in range(len(found))
    ]
    taken = set(matched.values())
    true = [BoxMark.FOUND if i in taken else BoxMark.MISSED for i in range(len(result.true_boxes))]
    ignored = [BoxMark.CROWD] * len(result.crowd_boxes)
    is_false = np.array([mark is BoxMark.FALSE for mark in detected], bool)
    boxes = [
        *_mark_boxes(ignored, result.crowd_boxes, result.crowd_class_ids),
        *_mark_boxes(true, result.true_boxes, result.true_class_ids),
        *_mark_boxes(detected, found.boxes, found.class_ids, found.scores.tolist()),
    ]
    cost = true.count(BoxMark.MISSED) + float(found.scores[is_false].sum())
    return PictureFaults(index, cost, tuple(boxes))


def _mark_boxes(
    marks: Sequence[BoxMark], boxes: F32, class_ids: I32, scores: Sequence[float] | None = None
) -> list[MarkedBox]:
    """Return boxes with their marks.

    Args:
        marks: of each box.
        boxes: (N, 4) float32, [x1, y1, x2, y2] normalised to the picture.
        class_ids: (N,) int32.
        scores: of detections; None for true boxes.
    """
    rows = zip(
        marks, boxes.tolist(), class_ids.tolist(), scores or [None] * len(marks), strict=True
    )
    return [
        MarkedBox(mark, (box[0], box[1], box[2], box[3]), class_id, score)
        for mark, box, class_id, score in rows
    ]


def _match(result: PictureResult, found: Detections) -> dict[int, int]:
    """Return the object of each detection that has one: the best detection takes first, as COCO does it at IoU 0.5."""
    same = found.class_ids[:, None] == result.true_class_ids[None, :]
    overlap = np.where(same, iou_matrix(found.boxes, result.true_boxes), 0.0)
    matched: dict[int, int] = {}
    for i in np.argsort(-found.scores, kind="stable").tolist():
        row = overlap[i].copy()
        row[list(matched.values())] = 0.0
        if row.size and row.max() >= _MIN_IOU:
            matched[i] = int(row.argmax())
    return matched
