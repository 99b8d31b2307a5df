"""How far two models agree on what is in a frame. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edged.scene.filters import UNNAMED_LABELS
from edged.scene.geometry import iou_matrix
from edged.types import I32, Detections

MIN_IOU = 0.5
"""At which two boxes of a label are one object: the usual one (PASCAL VOC, COCO's AP50)."""
UNKNOWN_CLASS_ID = -1
"""The class id of a label that the other model has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of two models on one frame.

    Attributes:
        both: objects that both saw.
        only_new: the new model's others.
        only_old: the old model's others.
    """

    both: int
    only_new: int
    only_old: int


def measure_agreement(new: Detections, old: Detections) -> Agreement:
    """Match the detections of two models that count their classes alike, the pairs that overlap most first."""
    overlap = iou_matrix(new.boxes, old.boxes)
    fit = (overlap >= MIN_IOU) & (new.class_ids[:, None] == old.class_ids[None, :])
    rows, columns = np.nonzero(fit)
    order = np.argsort(-overlap[rows, columns], kind="stable")
    seen_new: set[int] = set()
    seen_old: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in seen_new and column not in seen_old:
            seen_new.add(row)
            seen_old.add(column)
    both = len(seen_new)
    return Agreement(both=both, only_new=len(new) - both, only_old=len(old) - both)


class ClassIdMapping:
    """One model's class ids as another counts them: a class is its label.

    A class without a label is the same class under the same id, if it has no label there either.
    """

    def __init__(self, old_labels: Sequence[str], new_labels: Sequence[str]) -> None:
        """Take the labels of both models by class id: those of what is to be translated, and those that it is translated to."""
        ids: dict[str, int] = {}
        for class_id, label in enumerate(new_labels):
            ids.setdefault(label, class_id)
        count = max(len(old_labels), len(new_labels))
        self._table: I32 = np.array(
            [_map_class_id(class_id, old_labels, new_labels, ids) for class_id in range(count)],
            np.int32,
        )

    def __call__(self, detections: Detections) -> Detections:
        """The same detections, with the class id `UNKNOWN` where the new model has no such label."""
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
    label, there = _get_label(old_labels, class_id), _get_label(new_labels, class_id)
    if label == there:
        return class_id
    if label in UNNAMED_LABELS:
        return class_id if there in UNNAMED_LABELS else UNKNOWN_CLASS_ID
    return new_class_ids.get(label, UNKNOWN_CLASS_ID)


def _get_label(labels: Sequence[str], class_id: int) -> str:
    return labels[class_id] if class_id < len(labels) else ""
