"""Which boxes are a second detection of an object: detectors find some objects twice, whole and in part."""

import numpy as np

from edged.scene.geometry import areas, containment, iou_matrix
from edged.types import F32, I32

_DUPLICATE_IOU = 0.4
"""Overlap with an object's box from which a box begins no other object of its class."""
_CROSS_CLASS_DUPLICATE_IOU = 0.8
"""The same for a box of another class: a van is not also a truck, but a rider is not the bicycle."""
_DUPLICATE_CONTAINMENT = 0.9
"""Share of its area from which a box that lies on an object's box is a part of it, whatever the overlap."""
_MIN_PART_SIZE = 0.15
"""Share of the object's area below which a box in it is no part: someone small stands in front of a large one, or far behind."""


def is_duplicate(box: F32, class_id: int, others: F32, classes: I32) -> bool:
    """Return whether a box is a second detection of an object in the same frame.

    Args:
        box: (4,) float32, [x1, y1, x2, y2] normalised to the frame.
        class_id: its class.
        others: (N, 4) float32, the boxes of the objects, likewise.
        classes: (N,) int32, their classes.
    """
    is_same_class = classes == class_id
    limit = np.where(is_same_class, _DUPLICATE_IOU, _CROSS_CLASS_DUPLICATE_IOU)
    is_large = areas(box[None])[0] >= _MIN_PART_SIZE * areas(others)
    is_inside = containment(box, others) >= _DUPLICATE_CONTAINMENT
    overlaps = iou_matrix(box[None], others)[0] >= limit
    return bool(np.any(overlaps | (is_same_class & is_inside & is_large)))
