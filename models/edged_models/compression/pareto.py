"""Which of several compromises are worth having."""

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each (cost, gain), whether no other costs no more and gains no less, and is better in one of the two."""
    return [not any(_beats(other, one) for other in points) for one in points]


def _beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a != b and a[0] <= b[0] and a[1] >= b[1]
