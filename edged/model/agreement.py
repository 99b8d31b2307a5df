"""Agreement of two models on one frame. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edged.scene.box_arrays import iou_matrix
from edged.types import I32, UNNAMED_LABELS, Detections

MIN_IOU = 0.5
"""Overlap from which two boxes of a label are one object: the usual value (PASCAL VOC, COCO's AP50)."""
UNKNOWN_CLASS_ID = -1
"""The class id of a label that the other model lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The objects that two models found in one frame.

    Attributes:
        both: number of objects that both models found.
        only_new: number of objects that only the new model found.
        only_old: number of objects that only the old model found.
    """

    both: int
    only_new: int
    only_old: int


def measure_agreement(new: Detections, old: Detections) -> Agreement:
    """Match the detections of two models that number their classes alike, the pairs that overlap most first."""
    overlap = iou_matrix(new.boxes, old.boxes)
    is_match = (overlap >= MIN_IOU) & (new.class_ids[:, None] == old.class_ids[None, :])
    rows, columns = np.nonzero(is_match)
    order = np.argsort(-overlap[rows, columns], kind="stable")
    matched_new: set[int] = set()
    matched_old: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in matched_new and column not in matched_old:
            matched_new.add(row)
            matched_old.add(column)
    both = len(matched_new)
    return Agreement(both=both, only_new=len(new) - both, only_old=len(old) - both)


class ClassIdMapping:
    """Translation of one model's class ids to another's: classes with the same label are the same class.

    A class without a label is the same class if it has the same id and no label in the other model either.
    """

    def __init__(self, old_labels: Sequence[str], new_labels: Sequence[str]) -> None:
        """Prepare the translation.

        Args:
            old_labels: labels by class id of the model whose detections are translated.
            new_labels: labels by class id of the other model.
        """
        ids: dict[str, int] = {}
        for class_id, label in enumerate(new_labels):
            ids.setdefault(label, class_id)
        count = max(len(old_labels), len(new_labels))
        self._table: I32 = np.array(
            [_map_class_id(class_id, old_labels, new_labels, ids) for class_id in range(count)],
            np.int32,
        )

    def __call__(self, detections: Detections) -> Detections:
        """Return the detections with translated class ids; `UNKNOWN_CLASS_ID` if the other model lacks the label."""
        class_ids = detections.class_ids.copy()
        known = class_ids < len(self._table)
        class_ids[known] = self._table[class_ids[known]]
        return Detections(detections.boxes, detections.scores, class_ids)


def _map_class_id(
    class_id: int,
    old_labels: Sequence[str],
    new_labels: Sequence[str],
    new_class_ids: dict[str, int],
) -> int:
    label, other_label = _get_label(old_labels, class_id), _get_label(new_labels, class_id)
    if label == other_label:
        return class_id
    if label in UNNAMED_LABELS:
        return class_id if other_label in UNNAMED_LABELS else UNKNOWN_CLASS_ID
    return new_class_ids.get(label, UNKNOWN_CLASS_ID)


def _get_label(labels: Sequence[str], class_id: int) -> str:
    return labels[class_id] if class_id < len(labels) else ""
