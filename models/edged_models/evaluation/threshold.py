"""Precision, recall, confusion and false alarms at one score threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.scene.box_arrays import areas, iou_matrix
from edged.types import Detections
from edged_models.evaluation.average_precision import RankedDetections
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.results import Confusion

_MIN_IOU = 0.5
_BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Rates:
    """Precision, recall and their harmonic mean; None where the denominator is 0."""

    precision: float | None
    recall: float | None
    f1: float | None


def compute_rates(ranked: Sequence[RankedDetections], min_score: float) -> Rates:
    """Compute the rates over the given classes, from the detections of at least `min_score`."""
    kept = sum(int((one.scores >= min_score).sum()) for one in ranked)
    correct = sum(int(one.is_correct[one.scores >= min_score].sum()) for one in ranked)
    objects = sum(one.object_count for one in ranked)
    return Rates(
        precision=correct / kept if kept else None,
        recall=correct / objects if objects else None,
        f1=2 * correct / (kept + objects) if objects else None,
    )


def count_false_alarms(
    results: Sequence[PictureResult], label_count: int, min_score: float
) -> NDArray[np.int64]:
    """Count the detections in pictures without any object, by class.

    Args:
        results: the model's result for each picture.
        label_count: number of evaluated classes.
        min_score: the threshold; detections below it do not count.

    Returns:
        (L,) int64, where L is `label_count`.
    """
    alarms = np.zeros(label_count, np.int64)
    for result in results:
        if result.is_empty:
            found = result.detections
            class_ids = found.class_ids[found.scores >= min_score]
            alarms += np.bincount(class_ids, minlength=label_count)
    return alarms


def build_confusion(
    results: Sequence[PictureResult], labels: tuple[str, ...], min_score: float
) -> Confusion:
    """Build the confusion matrix: each detection, best first, takes the free object that it overlaps most, of any class.

    A detection without an object that lies in a crowd of its class by half or more does not count.

    Args:
        results: the model's result for each picture.
        labels: names of the evaluated classes.
        min_score: the threshold; detections below it do not count.
    """
    background = len(labels)
    counts = np.zeros((background + 1, background + 1), np.int64)
    for result in results:
        _count_pairs(counts, result, min_score)
    rows = tuple(tuple(row) for row in counts.tolist())
    return Confusion(labels=(*labels, _BACKGROUND), counts=rows)


def _count_pairs(counts: NDArray[np.int64], result: PictureResult, min_score: float) -> None:
    background = len(counts) - 1
    found = result.detections[result.detections.scores >= min_score]
    overlap = iou_matrix(found.boxes, result.true_boxes)
    is_free = np.ones(len(result.true_boxes), bool)
    in_crowd = find_crowded(result, found)
    for row, class_id, is_crowded in zip(overlap, found.class_ids, in_crowd, strict=True):
        free = np.where(is_free, row, 0.0)
        best = int(free.argmax()) if free.size else 0
        matches = bool(free.size) and free[best] >= _MIN_IOU
        if matches:
            counts[result.true_class_ids[best], class_id] += 1
            is_free[best] = False
        elif not is_crowded:
            counts[background, class_id] += 1
    np.add.at(counts, (result.true_class_ids[is_free], background), 1)


def find_crowded(result: PictureResult, found: Detections) -> NDArray[np.bool_]:
    """Return which detections lie, by half of their own area or more, in a crowd of their class, as COCO counts it.

    Args:
        result: the picture with its crowds.
        found: detections in it, N of them.

    Returns:
        (N,) bool.
    """
    crowds = result.crowd_boxes
    low = np.maximum(found.boxes[:, None, :2], crowds[None, :, :2])
    high = np.minimum(found.boxes[:, None, 2:], crowds[None, :, 2:])
    inside = np.prod(np.maximum(high - low, 0), axis=2)
    share = inside / np.maximum(areas(found.boxes), np.finfo(np.float32).tiny)[:, None]
    same = found.class_ids[:, None] == result.crowd_class_ids[None, :]
    return np.asarray(((share >= _MIN_IOU) & same).any(axis=1))
