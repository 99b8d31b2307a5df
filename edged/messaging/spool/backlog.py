"""The messages in order: first those on disk, then those that only memory has yet."""

from itertools import islice

from edged.messaging.spool.disk import Disk
from edged.messaging.spool.store import Item, Rank, Sized, Store, Stored

_FEW = 64
_NOTHING = Stored(count=0, size=0, next_seq=0, ran_ns=0)


class Backlog:
    """Keeps `Disk` and memory together; everything on disk has lower numbers than everything in memory.

    Deletions are remembered and reach the disk with the next commit.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._fresh: dict[int, Item] = {}
        self._fresh_bytes = 0
        self._gone: set[int] = set()
        self._gone_bytes = 0
        self._stored = _NOTHING

    @property
    def count(self) -> int:
        """Messages, on disk and in memory."""
        return self._stored.count - len(self._gone) + len(self._fresh)

    @property
    def size(self) -> int:
        """Bytes of payload, on disk and in memory."""
        return self._stored.size - self._gone_bytes + self._fresh_bytes

    @property
    def fresh_bytes(self) -> int:
        """Bytes of payload that only memory has."""
        return self._fresh_bytes

    @property
    def fresh_count(self) -> int:
        """Messages that only memory has."""
        return len(self._fresh)

    @property
    def gone_count(self) -> int:
        """Deletions that have not reached the disk."""
        return len(self._gone)

    @property
    def first_fresh(self) -> Item | None:
        """The lowest of those that only memory has."""
        return next(iter(self._fresh.values()), None)

    def load(self) -> Stored:
        """Take stock of the disk after it was opened."""
        self._stored = self._disk.run(Store.stored, _NOTHING)
        return self._stored

    def forget_stored(self) -> None:
        """The file was lost: only memory counts."""
        self._forget_gone()
        self._stored = _NOTHING

    def put(self, item: Item) -> None:
        """Add a message with a number above all others."""
        self._fresh[item.seq] = item
        self._fresh_bytes += len(item.payload)

    def remove(self, seq: int, size: int) -> None:
        """Take out a message of `size` bytes."""
        if seq in self._fresh:
            del self._fresh[seq]
            self._fresh_bytes -= size
        else:
            self._gone.add(seq)
            self._gone_bytes += size

    def after(self, seq: int, limit: int) -> list[Item]:
        """At most `limit` messages with a higher number, ascending."""
        found = self._stored_after(seq, limit)
        fresh = (item for item in self._fresh.values() if item.seq > seq)
        return [*found, *islice(fresh, limit - len(found))]

    def gaps(self) -> list[Item]:
        """The gap records on disk, ascending."""
        return self._disk.run(Store.gaps, [])

    def sizes(self, rank: Rank) -> list[Sized]:
        """(seq, bytes of payload) of all of one rank, ascending."""
        stored: list[Sized] = self._disk.run(lambda store: store.sizes(rank), [])
        return [pair for pair in stored if pair[0] not in self._gone] + self.fresh_sizes(rank)

    def fresh_sizes(self, rank: Rank) -> list[Sized]:
        """The same of those that only memory has."""
        return [(i.seq, len(i.payload)) for i in self._fresh.values() if i.rank is rank]

    def made_before(self, made_ns: int) -> list[Sized]:
        """(seq, bytes of payload) of all that is older, gap records left out."""
        stored: list[Sized] = self._disk.run(lambda store: store.made_before(made_ns), [])
        fresh = [
            (i.seq, len(i.payload))
            for i in self._fresh.values()
            if i.made_ns < made_ns and i.rank is not Rank.GAP
        ]
        return [pair for pair in stored if pair[0] not in self._gone] + fresh

    def oldest_ns(self) -> int | None:
        """When the first in line was made, on the line of running time; None if nothing waits."""
        first = self.after(-1, _FEW)
        return first[0].made_ns if first else None

    def commit(self, *, next_seq: int, ran_ns: int) -> bool:
        """Make everything durable; False if the disk fails."""
        fresh, gone = list(self._fresh.values()), list(self._gone)
        if not self._disk.write(
            lambda store: store.commit(fresh, gone, next_seq=next_seq, ran_ns=ran_ns)
        ):
            return False
        self._stored = Stored(self.count, self.size, next_seq, ran_ns)
        self._fresh.clear()
        self._fresh_bytes = 0
        self._forget_gone()
        return True

    def _stored_after(self, seq: int, limit: int) -> list[Item]:
        found: list[Item] = []
        while len(found) < limit and self._stored.count > len(self._gone):
            page = self._read_page(seq, limit)
            found += [item for item in page if item.seq not in self._gone]
            if len(page) < limit:
                break
            seq = page[-1].seq
        return found[:limit]

    def _read_page(self, seq: int, limit: int) -> list[Item]:
        return self._disk.run(lambda store: store.after(seq, limit), [])

    def _forget_gone(self) -> None:
        self._gone.clear()
        self._gone_bytes = 0
