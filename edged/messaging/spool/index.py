"""Which messages wait, in a few bytes each: their numbers, sizes, ranks and ages, without their payloads."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import compress, islice

from edged.messaging.spool.item import Rank

MessageSize = tuple[int, int]
"""A message's number and the bytes of its payload."""

_REMOVED = len(Rank)
_MASKS = {rank: bytes(value == rank for value in range(256)) for rank in Rank}
"""Translation tables that make 1 of a rank, and 0 of everything else."""
_LIVE_MASK = bytes(value != _REMOVED for value in range(256))
_MIN_REMOVED = 64
"""Removed entries that are kept in any case, so that short queues are seldom copied."""


class MessageIndex:
    """The waiting messages in the order of their numbers: 21 bytes each, so 200,000 of them need 4 MB.

    A removed entry stays, marked, until half of all entries are removed; so removing costs the logarithm of the length.
    """

    def __init__(self) -> None:
        self.count = 0
        """Number of messages."""
        self.size_bytes = 0
        """Payload bytes of all messages."""
        self._seqs = array("q")
        self._sizes = array("I")
        self._created_ns = array("q")
        self._ranks = bytearray()
        self._rank_counts = [0] * len(Rank)
        self._first = 0
        """Position of the first entry that is not removed."""
        self._is_ascending = True
        """Whether the times of creation ascend; they do unless files of several runs came together."""

    @property
    def first_seq(self) -> int | None:
        """The lowest number; None if nothing waits."""
        return self._seqs[self._first] if self.count else None

    @property
    def first_created_ns(self) -> int | None:
        """The running time at which the first message was made; None if nothing waits."""
        return self._created_ns[self._first] if self.count else None

    def __contains__(self, seq: int) -> bool:
        """Return whether the message waits."""
        return self._find(seq) is not None

    def add(self, seq: int, rank: Rank, size_bytes: int, created_ns: int) -> None:
        """Add a message, which is usually the one with the highest number.

        Args:
            seq: its number; no waiting message has it.
            rank: its importance.
            size_bytes: bytes of its payload.
            created_ns: running time at which it was made.
        """
        at = len(self._seqs)
        if at and seq <= self._seqs[-1]:
            at = self._make_room(seq)
            self._is_ascending = False
            self._seqs.insert(at, seq)
            self._sizes.insert(at, size_bytes)
            self._created_ns.insert(at, created_ns)
            self._ranks.insert(at, rank)
        else:
            self._is_ascending &= not at or created_ns >= self._created_ns[-1]
            self._seqs.append(seq)
            self._sizes.append(size_bytes)
            self._created_ns.append(created_ns)
            self._ranks.append(rank)
        if not self.count or at < self._first:
            self._first = at
        self._rank_counts[rank] += 1
        self.size_bytes += size_bytes
        self.count += 1

    def remove(self, seq: int) -> int | None:
        """Remove a message; return the bytes of its payload, or None if it does not wait."""
        at = self._find(seq)
        if at is None:
            return None
        size = self._sizes[at]
        self._rank_counts[self._ranks[at]] -= 1
        self._ranks[at] = _REMOVED
        self.count -= 1
        self.size_bytes -= size
        if at == self._first:
            self._skip_removed()
        if len(self._seqs) - self.count > self.count + _MIN_REMOVED:
            self._compact()
        return size

    def read_rank(self, seq: int) -> Rank | None:
        """Return a message's importance; None if it does not wait."""
        at = self._find(seq)
        return None if at is None else Rank(self._ranks[at])

    def read_size(self, seq: int) -> int:
        """Return the bytes of a message's payload; 0 if it does not wait."""
        at = self._find(seq)
        return 0 if at is None else self._sizes[at]

    def iterate_after(self, seq: int) -> Iterator[int]:
        """Yield the numbers above `seq`, ascending; nothing may be added or removed meanwhile."""
        begin = max(self._first, bisect_right(self._seqs, seq))
        for at in range(begin, len(self._seqs)):
            if self._ranks[at] != _REMOVED:
                yield self._seqs[at]

    def iterate_sizes(self, rank: Rank) -> Iterator[MessageSize]:
        """Return the number and the payload bytes of each message of one rank, ascending; nothing may be added or removed meanwhile."""
        if not self._rank_counts[rank]:
            return iter(())
        mask = self._ranks.translate(_MASKS[rank])
        return zip(compress(self._seqs, mask), compress(self._sizes, mask), strict=True)

    def list_created_before(self, created_ns: int) -> list[MessageSize]:
        """Return number and payload bytes of each message, gap records excepted, made before `created_ns` of running time."""
        end = len(self._seqs)
        if self._is_ascending:
            end = bisect_left(self._created_ns, created_ns)
        columns = zip(self._seqs, self._sizes, self._ranks, self._created_ns, strict=True)
        return [
            (seq, size)
            for seq, size, rank, created in islice(columns, self._first, end)
            if created < created_ns and rank < Rank.GAP
        ]

    def _find(self, seq: int) -> int | None:
        at = bisect_left(self._seqs, seq, self._first)
        if at == len(self._seqs) or self._seqs[at] != seq or self._ranks[at] == _REMOVED:
            return None
        return at

    def _skip_removed(self) -> None:
        while self._first < len(self._ranks) and self._ranks[self._first] == _REMOVED:
            self._first += 1

    def _make_room(self, seq: int) -> int:
        """Return the position for a number below the highest; a removed entry with this number is deleted."""
        at = bisect_left(self._seqs, seq)
        if self._seqs[at] == seq:
            del self._seqs[at], self._sizes[at], self._created_ns[at], self._ranks[at]
        return at

    def _compact(self) -> None:
        """Drop the removed entries; in most cases these are the first ones."""
        if self._first > self.count:
            end = self._first
            del self._seqs[:end], self._sizes[:end], self._created_ns[:end], self._ranks[:end]
        else:
            mask = self._ranks.translate(_LIVE_MASK)
            self._seqs = array("q", compress(self._seqs, mask))
            self._sizes = array("I", compress(self._sizes, mask))
            self._created_ns = array("q", compress(self._created_ns, mask))
            self._ranks = bytearray(compress(self._ranks, mask))
        self._first = 0
