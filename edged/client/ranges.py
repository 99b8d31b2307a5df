"""Ranges of sequence numbers: ``(first, last)``, both included."""

from collections.abc import Iterable

Range = tuple[int, int]


def subtract_ranges(ranges: Iterable[Range], removed: Iterable[Range]) -> tuple[Range, ...]:
    """Return what is left of `ranges` without the numbers of `removed`, in the order of `ranges`."""
    left = list(ranges)
    for start, end in removed:
        left = [part for whole in left for part in _cut(whole, start, end)]
    return tuple(left)


def _cut(whole: Range, start: int, end: int) -> list[Range]:
    first, last = whole
    if end < first or last < start or end < start:
        return [whole]
    parts = [(first, start - 1), (end + 1, last)]
    return [part for part in parts if part[0] <= part[1]]
