"""Which boxes are a second detection of an object: detectors find some objects twice, whole and in part."""

from edged.scene.geometry import area, intersection
from edged.types import Box

_DUPLICATE_IOU = 0.4
"""Overlap with an object's box from which a box begins no other object of its class."""
_CROSS_CLASS_DUPLICATE_IOU = 0.8
"""The same for a box of another class: a van is not also a truck, but a rider is not the bicycle."""
_DUPLICATE_CONTAINMENT = 0.9
"""Share of its area from which a box that lies on an object's box is a part of it, whatever the overlap."""
_MIN_PART_SIZE = 0.15
"""Share of the object's area below which a box in it is no part: someone small stands in front of a large one, or far behind."""


def is_duplicate(box: Box, other: Box, *, is_same_class: bool) -> bool:
    """Return whether a box is a second detection of an object in the same frame.

    Args:
        box: the box.
        other: the object's box.
        is_same_class: whether both have the same class.
    """
    common = intersection(box, other)
    size, other_size = area(box), area(other)
    limit = _DUPLICATE_IOU if is_same_class else _CROSS_CLASS_DUPLICATE_IOU
    if common > 0.0 and common >= limit * (size + other_size - common):
        return True
    return (
        is_same_class
        and common >= _DUPLICATE_CONTAINMENT * max(size, 1e-12)
        and size >= _MIN_PART_SIZE * other_size
    )
