"""Rules about lost messages, without I/O."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

LossReason = Literal["full", "expired", "disk", "corrupt", "unclean_stop", "rejected"]
SeqRange = tuple[int, int]
"""First and last sequence number, both included."""

_MAX_RANGES = 100


class MessageLoss(Struct, frozen=True):
    """Sequence numbers of messages that will not arrive.

    Attributes:
        reason: why they were lost.
        ranges: ascending and disjoint, at most 100.
        count: number of lost messages; None if it cannot be known.
    """

    reason: LossReason
    ranges: tuple[SeqRange, ...]
    count: int | None

    def merged_with(self, other: "MessageLoss") -> "MessageLoss":
        """Return both losses as one, with the reason of this one."""
        known = self.count is not None and other.count is not None
        return MessageLoss(
            reason=self.reason,
            ranges=merge_ranges([*self.ranges, *other.ranges]),
            count=(self.count or 0) + (other.count or 0) if known else None,
        )

    def with_max_ranges(self, count: int) -> "MessageLoss":
        """Return the same loss in at most so many ranges, which may cover numbers that were delivered."""
        return MessageLoss(self.reason, _coarsen(list(self.ranges), count), self.count)


def merge_ranges(ranges: Iterable[SeqRange]) -> tuple[SeqRange, ...]:
    """Cover the same numbers with as few ranges as possible, ascending.

    If more than 100 ranges are left, those with the smallest holes between them are joined: the record stays small and still
    covers every lost number.
    """
    merged: list[SeqRange] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return _coarsen(merged, _MAX_RANGES)


def find_missing(first: int, end: int, present: Iterable[int]) -> tuple[SeqRange, ...]:
    """Return the numbers from `first` up to `end`, itself excluded, that are not in `present`, which is ascending."""
    missing: list[SeqRange] = []
    for seq in present:
        if first <= seq < end:
            missing += [(first, seq - 1)] if first < seq else []
            first = seq + 1
    return merge_ranges([*missing, (first, end - 1)] if first < end else missing)


def _coarsen(ranges: list[SeqRange], max_ranges: int) -> tuple[SeqRange, ...]:
    holes = sorted(range(1, len(ranges)), key=lambda i: ranges[i][0] - ranges[i - 1][1])
    closed = set(holes[: max(0, len(ranges) - max_ranges)])
    coarse: list[SeqRange] = []
    for index, (first, last) in enumerate(ranges):
        if index in closed:
            coarse[-1] = (coarse[-1][0], last)
        else:
            coarse.append((first, last))
    return tuple(coarse)
