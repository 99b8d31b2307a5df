"""The median: `statistics`, with fractions and decimal, would take 3 ms of the daemon's start."""

from collections.abc import Iterable


def median(values: Iterable[float]) -> float:
    """Return the middle one of `values` in their order, or the mean of the two in the middle.

    Raises:
        ValueError: there are none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
