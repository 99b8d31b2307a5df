"""Whether a zone's or a mask's corners make an area."""

from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]


def polygon_problem(points: Sequence[Point]) -> str:
    """Say what keeps `points` from being the outline of an area; "" if nothing does.

    Args:
        points: corners in order, at least three; the last is joined to the first.
    """
    if len(set(points)) < len(points):
        twice = next(p for i, p in enumerate(points) if p in points[:i])
        return f"the corner {list(twice)} stands there twice"
    if all(_orientation(points[0], points[1], point) == 0 for point in points[2:]):
        return "all corners lie on one line"
    sides = list(zip(points, [*points[1:], points[0]], strict=True))
    for (i, a), (j, b) in combinations(enumerate(sides), 2):
        if j - i in (1, len(sides) - 1):
            folded = _folds_back(a, b) if j - i == 1 else _folds_back(b, a)
        else:
            folded = _intersect(a, b)
        if folded:
            return f"the side from {list(a[0])} to {list(a[1])} meets the one from {list(b[0])} to {list(b[1])}"
    return ""


def _orientation(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of the triangle: its sign tells on which side of the line a-b the point c is."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _is_on_side(side: tuple[Point, Point], point: Point) -> bool:
    """Whether a point of the side's line lies on the side itself."""
    (x1, y1), (x2, y2) = side
    return min(x1, x2) <= point[0] <= max(x1, x2) and min(y1, y2) <= point[1] <= max(y1, y2)


def _folds_back(side: tuple[Point, Point], following: tuple[Point, Point]) -> bool:
    """Whether the next side, which begins where this one ends, goes back along it."""
    end = following[1]
    return _orientation(*side, end) == 0 and (
        _is_on_side(side, end) or _is_on_side(following, side[0])
    )


def _intersect(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    """Whether two sides that share no corner touch or cross (the usual test by orientations)."""
    b_sides = _orientation(*a, b[0]), _orientation(*a, b[1])
    a_sides = _orientation(*b, a[0]), _orientation(*b, a[1])
    if b_sides[0] * b_sides[1] < 0 and a_sides[0] * a_sides[1] < 0:
        return True
    return any(turn == 0 and _is_on_side(a, p) for turn, p in zip(b_sides, b, strict=True)) or any(
        turn == 0 and _is_on_side(b, p) for turn, p in zip(a_sides, a, strict=True)
    )
