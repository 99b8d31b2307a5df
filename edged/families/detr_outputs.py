"""The outputs of a DETR: which is which, and which column of the logits is which class."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from edged.families.label_count import is_background
from edged.types import I32, UNNAMED_LABELS, TensorInfo

_MIN_QUERIES, _MAX_QUERIES = 10, 1000
_MAX_OUTPUTS = 3
_BOX_NAMES = ("box", "dets")
_LOGIT_NAMES = ("logit", "label", "class")
_ID_NAMES = ("label", "class", "categor")
_SCORE_NAMES = ("score", "conf", "prob")
_MAX_STORED = {"uint8": 255, "int8": 255, "int16": 32767}
_MAX_SCORE = 1.5
"""More than any quantised score, with the rounding of its scale."""
_COCO_IDS, _COCO_CLASSES = 91, 80
_UNUSED_COCO_IDS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""Numbers below 91 that are no class of COCO's 80; "Microsoft COCO" (Lin et al. 2014) reserved them and annotated none."""
_DETR_QUERIES, _DETR_COLUMNS = 100, 92
_RT_DETR_SIDES_PX = (320, 416, 640)
"""Sides of the inputs of RT-DETR, D-FINE and DEIM; RF-DETR has 384, 512, 560, 576, 704 and 728."""


@dataclass(frozen=True)
class Output:
    """One output.

    Attributes:
        position: its position among the outputs.
        tensor: its description.
    """

    position: int
    tensor: TensorInfo

    def has_name(self, parts: Sequence[str]) -> bool:
        """Return whether the output's name contains one of these parts."""
        return any(part in self.tensor.name.lower() for part in parts)


@dataclass(frozen=True)
class LogitOutputs:
    """The outputs of a model that leaves the choice of the class to its user.

    Attributes:
        boxes: [1, N, 4], centre x, centre y, width, height.
        logits: [1, N, C].
    """

    boxes: Output
    logits: Output

    def is_rf_detr(self, inputs: Sequence[TensorInfo]) -> bool:
        """Return whether these are RF-DETR's: by its output names, COCO's 91 columns, or the sides of the input."""
        if self.boxes.has_name(("dets",)) or self.logits.tensor.shape[2] == _COCO_IDS:
            return True
        if self.boxes.has_name(("pred_boxes",)):
            return False
        return not any(side in _RT_DETR_SIDES_PX for tensor in inputs for side in tensor.shape)


@dataclass(frozen=True)
class ClassIdOutputs:
    """The outputs of a model that ends with a post-processor.

    Attributes:
        boxes: [1, N, 4], x1, y1, x2, y2.
        class_ids: [1, N].
        scores: [1, N], after the sigmoid.
    """

    boxes: Output
    class_ids: Output
    scores: Output


DetrOutputs = LogitOutputs | ClassIdOutputs


def find_outputs(outputs: Sequence[TensorInfo]) -> DetrOutputs | str:
    """Find the outputs by their shapes, and by their names where shapes are the same.

    Returns:
        The outputs, or one clause that says why they are not those of a DETR.
    """
    numbered = [Output(i, tensor) for i, tensor in enumerate(outputs)]
    orders = permutations(numbered) if len(numbered) <= _MAX_OUTPUTS else ()
    fitting = [found for order in orders if (found := _assign(order)) is not None]
    if not fitting:
        return (
            f"its outputs {[list(tensor.shape) for tensor in outputs]} are not boxes [1, N, 4] and logits [1, N, classes], "
            f"or boxes, class ids [1, N] and scores [1, N], N from {_MIN_QUERIES} to {_MAX_QUERIES}"
        )
    if len(fitting) > 1:
        fitting = [found for found in fitting if _fits_names(found)]
    if len(fitting) != 1:
        return "its outputs have the same shape, and no name tells which are the boxes or class ids"
    return fitting[0]


def _assign(order: Sequence[Output]) -> DetrOutputs | None:
    match [output.tensor.shape for output in order]:
        case [(1, n, 4), (1, m, depth)] if n == m and _is_query_count(n) and depth > 0:
            return LogitOutputs(order[0], order[1])
        case [(1, n, 4), (1, m) | (1, m, 1), (1, k) | (1, k, 1)] if n == m == k:
            return ClassIdOutputs(order[0], order[1], order[2]) if _is_query_count(n) else None
    return None


def _is_query_count(count: int) -> bool:
    return _MIN_QUERIES <= count <= _MAX_QUERIES


def _fits_names(found: DetrOutputs) -> bool:
    """Return whether names, or else types and ranges, agree with the meanings."""
    if isinstance(found, LogitOutputs):
        return found.boxes.has_name(_BOX_NAMES) or found.logits.has_name(_LOGIT_NAMES)
    if found.class_ids.has_name(_ID_NAMES) or found.scores.has_name(_SCORE_NAMES):
        return True
    return _could_be_ids(found.class_ids.tensor) and not _could_be_ids(found.scores.tensor)


def _could_be_ids(tensor: TensorInfo) -> bool:
    """Return whether values can be far beyond 1: integers without a scale, or with one that fits many classes."""
    if tensor.dtype.startswith("float"):
        return False
    return not tensor.scale or tensor.scale * _MAX_STORED.get(tensor.dtype, 0) > _MAX_SCORE


def find_class_ids(outputs: DetrOutputs, labels: tuple[str, ...]) -> I32 | str:
    """Find the class id of each column of the logits, so that it is an index into the labels.

    Args:
        outputs: the model's outputs.
        labels: the model's labels; empty if there are none.

    Returns:
        (C,) int32, -1 for a column that is no class; empty without logits. Or one clause that says why the labels do not fit.
    """
    if isinstance(outputs, ClassIdOutputs):
        return np.zeros(0, np.int32)
    columns = outputs.logits.tensor.shape[2]
    ids = np.arange(columns, dtype=np.int32)
    if outputs.logits.tensor.shape[1:] == (_DETR_QUERIES, _DETR_COLUMNS):
        return f"its {columns} columns are those of the first DETR, which has a class for no object"
    return _find_shortage(labels, columns) or _number_columns(ids, labels)


def _number_columns(ids: I32, labels: tuple[str, ...]) -> I32 | str:
    columns = len(ids)
    if len(labels) in (0, columns):
        ignored = [is_background(label) for label in labels] or [False]
        return np.where(ignored, np.int32(-1), ids)
    if len(labels) == columns + 1 and (labels[0] in UNNAMED_LABELS or is_background(labels[0])):
        return ids
    if columns == _COCO_IDS and len(labels) in (_COCO_IDS - 1, _COCO_CLASSES):
        unused = _UNUSED_COCO_IDS if len(labels) == _COCO_CLASSES else (0,)
        is_used = ~np.isin(ids, unused)
        return np.where(is_used, np.cumsum(is_used, dtype=np.int32) - 1, -1).astype(np.int32)
    return f"its output has {columns} columns and its label list {len(labels)}" + (
        ': add "background" to its end, or to its beginning if the model counts from 1'
        if len(labels) == columns - 1
        else ""
    )


def _find_shortage(labels: tuple[str, ...], columns: int) -> str | None:
    """Return a clause if the list seems to fit only because it begins with an entry that the model does not count."""
    if not labels:
        return None
    if columns == _COCO_IDS and len(labels) in (_COCO_IDS - 1, _COCO_CLASSES):
        is_short = labels[0] in UNNAMED_LABELS or is_background(labels[0])
    else:
        is_short = not labels[0] and len(labels) == columns != _COCO_IDS
    if not is_short:
        return None
    first = f'"{labels[0]}" is its first' if labels[0] else "it counts from 1"
    return (
        f"its output has {columns} columns and its label list {len(labels) - 1} names, because {first}: add the missing one; "
        "for a class 0 without a name, begin the list with ???"
    )
