"""The Pareto front of several compromises between cost and gain."""

from collections.abc import Sequence


def find_pareto_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Find the points (cost, gain) that no other point dominates.

    A point dominates another if it costs at most as much and gains at least as much, and is better in one of the two.

    Returns:
        For each point, whether it is on the front.
    """
    return [not any(_dominates(other, one) for other in points) for one in points]


def _dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a != b and a[0] <= b[0] and a[1] >= b[1]
