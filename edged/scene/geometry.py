"""Boxes, points and polygons in fractions of the frame, one at a time. Pure functions over plain numbers."""

import math
from collections.abc import Sequence

from edged.types import Box

Point = tuple[float, float]
"""[x, y], fractions of the frame."""

_EDGE_TOLERANCE = 1e-6
"""Distance within which a point is on a polygon's edge, in fractions of the frame: half a thousandth of a pixel at 4K."""


def area(box: Box) -> float:
    """Compute the area of a box, in fractions of the frame's area."""
    return (box[2] - box[0]) * (box[3] - box[1])


def intersection(a: Box, b: Box) -> float:
    """Compute the area that two boxes have in common, in fractions of the frame's area."""
    ax1, ay1, ax2, ay2 = a
    bx1, by1, bx2, by2 = b
    width = (ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1)
    height = (ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1)
    return width * height if width > 0.0 and height > 0.0 else 0.0


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Compute the intersection over union of two boxes [x1, y1, x2, y2]; 0.0 if they have nothing in common."""
    ax1, ay1, ax2, ay2 = a
    bx1, by1, bx2, by2 = b
    # Conditions instead of min() and max(): a third of the time, and this runs several times an object and frame.
    width = (ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1)
    height = (ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1)
    if width <= 0.0 or height <= 0.0:
        return 0.0
    common = width * height
    return common / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - common)


def foot_point(box: Box) -> Point:
    """Compute the middle of a box's lower edge, where the object stands on the ground."""
    return (box[0] + box[2]) * 0.5, box[3]


class PolygonArea:
    """The inside of a polygon, its edges included."""

    def __init__(self, corners: Sequence[Point]) -> None:
        """Prepare the edges.

        Args:
            corners: in order, in fractions of the frame; the polygon may be concave, and closes itself.
        """
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        self._low = min(xs) - _EDGE_TOLERANCE, min(ys) - _EDGE_TOLERANCE
        self._high = max(xs) + _EDGE_TOLERANCE, max(ys) + _EDGE_TOLERANCE
        edges = zip(corners, (*corners[1:], corners[0]), strict=True)
        self._edges = tuple(_describe_edge(start, end) for start, end in edges if start != end)

    def contains(self, point: Point) -> bool:
        """Return whether a point lies in the polygon.

        Even-odd rule: a ray to the right crosses the edges an odd number of times. Edges count as inside because a box that
        is cut off by the frame stands exactly on the border, where polygons end too.
        """
        x, y = point
        if not (self._low[0] <= x <= self._high[0] and self._low[1] <= y <= self._high[1]):
            return False
        is_inside = False
        for start_x, start_y, run, rise, slack, squared_length in self._edges:
            right, down = x - start_x, y - start_y
            side = run * down - rise * right  # its distance from the line, times the edge's length
            if -slack <= side <= slack and -slack <= run * right + rise * down <= squared_length:
                return True
            if (down < 0.0) != (down < rise) and (side > 0.0) == (rise > 0.0):
                is_inside = not is_inside
        return is_inside


def _describe_edge(start: Point, end: Point) -> tuple[float, float, float, float, float, float]:
    """Return an edge's start, its run and rise, its length times the tolerance, and its squared length with the tolerance."""
    run, rise = end[0] - start[0], end[1] - start[1]
    slack = _EDGE_TOLERANCE * math.hypot(run, rise)
    return start[0], start[1], run, rise, slack, run * run + rise * rise + slack
