"""Which of several compromises are worth having."""

from collections.abc import Sequence


def find_pareto_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each (cost, gain), whether no other costs no more and gains no less, and is better in one of the two."""
    return [not any(_dominates(other, one) for other in points) for one in points]


def _dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a != b and a[0] <= b[0] and a[1] >= b[1]
