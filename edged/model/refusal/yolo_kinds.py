"""YOLO models that are no plain detectors: pose, face landmarks, segmentation and oriented boxes, recognised by task or shapes.

`find_refused_kind` is asked before any family, because a family would take such a model for a detector.

Their heads have further columns behind box and class scores, as Ultralytics' `Pose`, `Segment` and `OBB` modules, YOLOv7-pose
and YOLOv5-face write them: two or three values for each keypoint, 32 mask coefficients, or one angle. A shape alone cannot
tell them from a detector of so many classes, so only the layouts of well-known data sets count, and a label list decides.
"""

from dataclasses import dataclass
from typing import NamedTuple

from edged.model.layouts import find_picture_size, yolo_grids
from edged.types import ModelSignature

_TASKS = {
    "pose": "pose",
    "segment": "segmentation",
    "semantic": "segmentation",
    "obb": "oriented boxes",
}
"""Ultralytics' tasks that edged does not run; the others are `detect` and `classify`."""
_DETECTION_TASKS = ("detect", "classify")
_KEYPOINTS = {51: 17, 63: 21, 72: 24, 24: 12, 42: 14, 48: 16, 399: 133}
"""Columns of the keypoints of COCO, hands, dogs, tigers, CrowdPose, MPII and COCO-WholeBody -> number of keypoints."""
_LANDMARKS = {15: 5, 10: 5, 204: 68}
"""Columns of the landmarks of a face -> number of landmarks."""
_MASK_COLUMNS = 32
_MASK_CLASSES = (80, 1)
_ORIENTED_CLASSES = (15, 16, 18)
"""Classes of DOTA 1.0, 1.5 and 2.0; with one class the layout is that of a detector of two."""
_BOX_COLUMNS = 4
_SIDES = 64
"""Columns of the four sides of a box, distributions over 16 distances, in a head that is exported in parts."""
_SUPPRESSED_COLUMNS = 6
"""Box, score and class id in a row of an export with suppression in the graph."""
_MAX_SUPPRESSED_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedKind:
    """A kind of model that edged does not run.

    Attributes:
        name: what the model is for, as ``pose``.
        evidence: one clause that says what shows it.
        advice: one clause that says what to do if the model is of another kind; None if it cannot be.
    """

    name: str
    evidence: str
    advice: str | None = None


class _Head(NamedTuple):
    columns: int
    """Number of columns behind the box and the objectness, or behind box, score and class id."""
    is_suppressed: bool


def find_refused_kind(signature: ModelSignature) -> UnsupportedKind | None:
    """Return the kind of a model that must not be taken for a detector; None if the families may try it."""
    task = signature.metadata.task
    if task in _TASKS:
        return UnsupportedKind(name=_TASKS[task], evidence=f"its metadata's task is {task!r}")
    return None if task in _DETECTION_TASKS else find_yolo_kind(signature)


def find_yolo_kind(signature: ModelSignature) -> UnsupportedKind | None:
    """Return the kind if the outputs are a YOLO's with further columns; None if they can be a detector's."""
    size = find_picture_size(signature)
    heads = [(t.shape, head) for t in signature.outputs for head in _find_heads(t.shape, size)]
    if heads and any(_is_mask_prototype(tensor.shape) for tensor in signature.outputs):
        return UnsupportedKind(name="segmentation", evidence="it has an output of mask prototypes")
    if len(signature.outputs) > 1:
        return _find_keypoint_branch(signature, size)
    label_count = len(signature.metadata.labels)
    if any(head.columns == label_count and not head.is_suppressed for _, head in heads):
        return None
    for shape, head in heads:
        kind = _name_columns(head, label_count)
        if kind is not None:
            return UnsupportedKind(
                name=kind,
                evidence=f"the layout of its output {list(shape)}",
                advice=None
                if head.is_suppressed
                else f"a detector of {head.columns} classes needs a label list",
            )
    return None


def _find_keypoint_branch(
    signature: ModelSignature, size: tuple[int, int] | None
) -> UnsupportedKind | None:
    """Recognise a head that is exported in parts, of which one has the keypoints of each cell."""
    cells = {count for count, _ in yolo_grids(*size)} if size else set()
    if len(signature.outputs) == 2 and any(_SIDES in t.shape for t in signature.outputs):  # noqa: PLR2004 - boxes and classes
        return None
    for tensor in signature.outputs:
        match tensor.shape:
            case (1, a, b) if (a in cells and b in _KEYPOINTS) or (b in cells and a in _KEYPOINTS):
                return UnsupportedKind(
                    name="pose", evidence=f"the keypoints in its output {list(tensor.shape)}"
                )
    return None


def _find_heads(shape: tuple[int, ...], size: tuple[int, int] | None) -> list[_Head]:
    """Return how the output could be a YOLO's: as rows or columns for each cell, or as rows after a suppression."""
    cells = {count for count, _ in yolo_grids(*size)} if size else set()
    match shape:
        case (1, depth, n) if n in cells and depth > _BOX_COLUMNS:
            return [_Head(depth - 4, is_suppressed=False)]
        case (1, n, depth) if n in cells and depth > _BOX_COLUMNS:
            return [_Head(depth - 5, is_suppressed=False), _Head(depth - 4, is_suppressed=False)]
        case (1, n, depth) if n in {3 * count for count in cells} and depth > _BOX_COLUMNS:
            return [_Head(depth - 5, is_suppressed=False)]
        case (1, n, depth) if 0 < n <= _MAX_SUPPRESSED_ROWS and depth > _SUPPRESSED_COLUMNS:
            return [_Head(depth - _SUPPRESSED_COLUMNS, is_suppressed=True)]
    return []


def _name_columns(head: _Head, label_count: int) -> str | None:
    if head.is_suppressed:
        return "oriented boxes" if head.columns == 1 else _name_values(head.columns)
    if label_count in _ORIENTED_CLASSES and head.columns == label_count + 1:
        return "oriented boxes"
    names = [_name_values(head.columns - (label_count or 1))]
    if not label_count:
        names += [_name_values(head.columns - classes) for classes in _MASK_CLASSES]
        names.append("oriented boxes" if head.columns - 1 in _ORIENTED_CLASSES else None)
    return " or ".join(dict.fromkeys(name for name in names if name)) or None


def _name_values(columns: int) -> str | None:
    """Return the kind that has so many columns behind the classes."""
    if columns in _KEYPOINTS:
        return f"pose ({_KEYPOINTS[columns]} keypoints)"
    if columns in _LANDMARKS:
        return f"face landmarks ({_LANDMARKS[columns]})"
    return "segmentation" if columns == _MASK_COLUMNS else None


def _is_mask_prototype(shape: tuple[int, ...]) -> bool:
    match shape:
        case (1, height, width, depth) if _MASK_COLUMNS in (height, depth):
            return min(height, width, depth) > 1
    return False
