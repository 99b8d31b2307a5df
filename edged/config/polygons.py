"""The check that the corners of a zone or mask enclose an area."""

from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]
Edge = tuple[Point, Point]


def polygon_problem(points: Sequence[Point]) -> str | None:
    """Return why `points` do not enclose an area; None if they do.

    Args:
        points: corners in order, at least three; the last is joined to the first.
    """
    if len(set(points)) < len(points):
        duplicate = next(p for i, p in enumerate(points) if p in points[:i])
        return f"the corner {list(duplicate)} appears twice"
    if all(_orientation(points[0], points[1], point) == 0 for point in points[2:]):
        return "all corners lie on one line"
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    for (i, a), (j, b) in combinations(enumerate(edges), 2):
        if j - i in (1, len(edges) - 1):
            touch = _folds_back(a, b) if j - i == 1 else _folds_back(b, a)
        else:
            touch = _intersect(a, b)
        if touch:
            return f"the edge from {list(a[0])} to {list(a[1])} touches or crosses the edge from {list(b[0])} to {list(b[1])}"
    return None


def _orientation(a: Point, b: Point, c: Point) -> float:
    """Return twice the signed area of a triangle; its sign is the side of the line a-b on which c lies."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _is_on_edge(edge: Edge, point: Point) -> bool:
    """Return whether a point on the line through an edge lies on the edge itself."""
    (x1, y1), (x2, y2) = edge
    return min(x1, x2) <= point[0] <= max(x1, x2) and min(y1, y2) <= point[1] <= max(y1, y2)


def _folds_back(edge: Edge, following: Edge) -> bool:
    """Return whether the next edge, which begins where this one ends, goes back along it."""
    end = following[1]
    return _orientation(*edge, end) == 0 and (
        _is_on_edge(edge, end) or _is_on_edge(following, edge[0])
    )


def _intersect(a: Edge, b: Edge) -> bool:
    """Return whether two edges without a common corner touch or cross (the usual test by orientations)."""
    b_turns = _orientation(*a, b[0]), _orientation(*a, b[1])
    a_turns = _orientation(*b, a[0]), _orientation(*b, a[1])
    if b_turns[0] * b_turns[1] < 0 and a_turns[0] * a_turns[1] < 0:
        return True
    return any(turn == 0 and _is_on_edge(a, p) for turn, p in zip(b_turns, b, strict=True)) or any(
        turn == 0 and _is_on_edge(b, p) for turn, p in zip(a_turns, a, strict=True)
    )
