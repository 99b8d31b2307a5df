"""Places at which an object ended that had never moved, as a parked car that the detector finds in spells only."""

from collections.abc import Callable
from dataclasses import dataclass

from edged.clock import NS_PER_S
from edged.scene.geometry import iou
from edged.types import Box

_MAX_AGE_S = 1800.0
_MAX_PLACES = 64
_MIN_IOU = 0.6
"""Overlap from which a box is at the place; below it, an object counts as moved."""


@dataclass(frozen=True, slots=True)
class _Place:
    box: Box
    at_ns: int


class RestingPlaces:
    """The newest places, for half an hour each."""

    def __init__(self, may_rest: Callable[[int], bool]) -> None:
        """Begin without a place.

        Args:
            may_rest: whether objects of a class id stay at one place for long: a parked car does, while people follow each other at a door.
        """
        self._may_rest = may_rest
        self._places: list[_Place] = []

    def add(self, box: Box, class_id: int, now_ns: int) -> None:
        """Remember that an object ended here.

        Args:
            box: its last box, [x1, y1, x2, y2] normalised to the frame.
            class_id: its class.
            now_ns: capture time of the frame in which it ended.
        """
        if self._may_rest(class_id):
            self._places = [*self._places, _Place(box, now_ns)][-_MAX_PLACES:]

    def take(self, box: Box, class_id: int, now_ns: int) -> bool:
        """Return whether an object ended here, and forget the place.

        Args:
            box: [x1, y1, x2, y2] normalised to the frame.
            class_id: the class.
            now_ns: capture time of the frame.
        """
        if not self._may_rest(class_id):
            return False
        oldest_ns = now_ns - int(_MAX_AGE_S * NS_PER_S)
        self._places = [place for place in self._places if place.at_ns >= oldest_ns]
        for place in self._places:
            if iou(place.box, box) >= _MIN_IOU:
                self._places.remove(place)
                return True
        return False
