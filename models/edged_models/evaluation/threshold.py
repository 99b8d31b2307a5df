"""What a model does at one threshold: how much of it is right, what it confuses, when it cries wolf."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.scene.geometry import iou_matrix
from edged_models.evaluation.average_precision import RankedDetections
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.results import Confusion

_MIN_IOU = 0.5
_BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Rates:
    """Precision, recall and their harmonic mean; None where there is nothing to divide by."""

    precision: float | None
    recall: float | None
    f1: float | None


def compute_rates(ranked: Sequence[RankedDetections], min_score: float) -> Rates:
    """Of these classes together, of the detections that reach a score."""
    kept = sum(int((one.scores >= min_score).sum()) for one in ranked)
    right = sum(int(one.is_correct[one.scores >= min_score].sum()) for one in ranked)
    objects = sum(one.object_count for one in ranked)
    return Rates(
        precision=right / kept if kept else None,
        recall=right / objects if objects else None,
        f1=2 * right / (kept + objects) if objects else None,
    )


def count_false_alarms(
    results: Sequence[PictureResult], label_count: int, min_score: float
) -> NDArray[np.int64]:
    """(labels,) how many detections reach the score in pictures without any object, by class."""
    alarms = np.zeros(label_count, np.int64)
    for look in results:
        if look.is_empty:
            sure = look.detections.class_ids[look.detections.scores >= min_score]
            alarms += np.bincount(sure, minlength=label_count)
    return alarms


def build_confusion(
    results: Sequence[PictureResult], labels: tuple[str, ...], min_score: float
) -> Confusion:
    """What objects were taken for: each detection, best first, takes the free object that it overlaps most, of whatever class."""
    background = len(labels)
    counts = np.zeros((background + 1, background + 1), np.int64)
    for look in results:
        found = look.detections[look.detections.scores >= min_score]
        overlap = iou_matrix(found.boxes, look.true_boxes)
        lost = np.ones(len(look.true_boxes), bool)
        for row, class_id in zip(overlap, found.class_ids, strict=True):
            free = np.where(lost, row, 0.0)
            best = int(free.argmax()) if free.size else 0
            hit = bool(free.size) and free[best] >= _MIN_IOU
            counts[look.true_class_ids[best] if hit else background, class_id] += 1
            if hit:
                lost[best] = False
        np.add.at(counts, (look.true_class_ids[lost], background), 1)
    rows = tuple(tuple(row) for row in counts.tolist())
    return Confusion(labels=(*labels, _BACKGROUND), counts=rows)
