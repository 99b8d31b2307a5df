"""One frame's boxes, in an order in which those at one place are found quickly."""

from bisect import bisect_left
from collections.abc import Sequence

from edged.types import DetectedBox

NO_CLASS = -1
"""In place of the class of a box that is not strong."""


class FrameBoxes:
    """One frame's boxes, in the order of their left edges, so that an object is compared only with those at its place.

    Attributes:
        detections: the detections of the frame; a box's column is its index in them.
        is_strong: whether each may begin an object.
        is_listed: whether each has a listed label.
    """

    def __init__(
        self,
        detections: Sequence[DetectedBox],
        is_strong: Sequence[bool],
        is_listed: Sequence[bool],
    ) -> None:
        """Order the boxes.

        Args:
            detections: the detections of the frame.
            is_strong: whether each may begin an object.
            is_listed: whether each has a listed label.
        """
        self.detections = detections
        self.is_strong = is_strong
        self.is_listed = is_listed
        self._boxes = sorted(
            [
                (*detected.box, column, detected.class_id if is_strong[column] else NO_CLASS)
                for column, detected in enumerate(detections)
            ]
        )
        self._left_edges = [box[0] for box in self._boxes]
        self._max_width = max([box[2] - box[0] for box in self._boxes], default=0.0)

    def find_between(
        self, left: float, right: float
    ) -> list[tuple[float, float, float, float, int, int]]:
        """Return the boxes that can reach into a range of x, each with its column, and its class if it is strong, else `NO_CLASS`."""
        first = bisect_left(self._left_edges, left - self._max_width)
        return self._boxes[first : bisect_left(self._left_edges, right, first)]
