"""The messages in order: first those on disk, then those that only memory has yet."""

from itertools import islice

from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.store import MessageSize, Rank, SpoolItem, SpoolStore, StoreSummary

_PAGE_SIZE = 64
_EMPTY = StoreSummary(count=0, size_bytes=0, next_seq=0, running_ns=0)


class Backlog:
    """Keeps `Disk` and memory together; everything on disk has lower numbers than everything in memory.

    Deletions are remembered and reach the disk with the next commit.
    """

    def __init__(self, disk: SpoolDisk) -> None:
        self._disk = disk
        self._uncommitted: dict[int, SpoolItem] = {}
        self._uncommitted_bytes = 0
        self._pending_deletes: set[int] = set()
        self._pending_delete_bytes = 0
        self._summary = _EMPTY

    @property
    def count(self) -> int:
        """Messages, on disk and in memory."""
        return self._summary.count - len(self._pending_deletes) + len(self._uncommitted)

    @property
    def size_bytes(self) -> int:
        """Bytes of payload, on disk and in memory."""
        return self._summary.size_bytes - self._pending_delete_bytes + self._uncommitted_bytes

    @property
    def uncommitted_bytes(self) -> int:
        """Bytes of payload that only memory has."""
        return self._uncommitted_bytes

    @property
    def uncommitted_count(self) -> int:
        """Messages that only memory has."""
        return len(self._uncommitted)

    @property
    def pending_delete_count(self) -> int:
        """Deletions that have not reached the disk."""
        return len(self._pending_deletes)

    @property
    def first_uncommitted(self) -> SpoolItem | None:
        """The lowest of those that only memory has."""
        return next(iter(self._uncommitted.values()), None)

    def load(self) -> StoreSummary:
        """Take stock of the disk after it was opened."""
        self._summary = self._disk.run(SpoolStore.read_summary, _EMPTY)
        return self._summary

    def forget_stored(self) -> None:
        """The file was lost: only memory counts."""
        self._clear_pending_deletes()
        self._summary = _EMPTY

    def put(self, item: SpoolItem) -> None:
        """Add a message with a number above all others."""
        self._uncommitted[item.seq] = item
        self._uncommitted_bytes += len(item.payload)

    def remove(self, seq: int, size_bytes: int) -> None:
        """Take out a message of `size_bytes` bytes."""
        if seq in self._uncommitted:
            del self._uncommitted[seq]
            self._uncommitted_bytes -= size_bytes
        else:
            self._pending_deletes.add(seq)
            self._pending_delete_bytes += size_bytes

    def read_after(self, seq: int, limit: int) -> list[SpoolItem]:
        """At most `limit` messages with a higher number, ascending."""
        found = self._read_stored_after(seq, limit)
        fresh = (item for item in self._uncommitted.values() if item.seq > seq)
        return [*found, *islice(fresh, limit - len(found))]

    def read_gaps(self) -> list[SpoolItem]:
        """The gap records on disk, ascending."""
        return self._disk.run(SpoolStore.read_gaps, [])

    def read_sizes(self, rank: Rank) -> list[MessageSize]:
        """(seq, bytes of payload) of all of one rank, ascending."""
        stored: list[MessageSize] = self._disk.run(lambda store: store.read_sizes(rank), [])
        return [
            pair for pair in stored if pair[0] not in self._pending_deletes
        ] + self.uncommitted_sizes(rank)

    def uncommitted_sizes(self, rank: Rank) -> list[MessageSize]:
        """The same of those that only memory has."""
        return [(i.seq, len(i.payload)) for i in self._uncommitted.values() if i.rank is rank]

    def read_created_before(self, created_ns: int) -> list[MessageSize]:
        """(seq, bytes of payload) of all that is older, gap records left out."""
        stored: list[MessageSize] = self._disk.run(
            lambda store: store.read_created_before(created_ns), []
        )
        fresh = [
            (i.seq, len(i.payload))
            for i in self._uncommitted.values()
            if i.created_ns < created_ns and i.rank is not Rank.GAP
        ]
        return [pair for pair in stored if pair[0] not in self._pending_deletes] + fresh

    def read_oldest_created_ns(self) -> int | None:
        """When the first in line was made, on the line of running time; None if nothing waits."""
        first = self.read_after(-1, _PAGE_SIZE)
        return first[0].created_ns if first else None

    def commit(self, *, next_seq: int, running_ns: int) -> bool:
        """Make everything durable; False if the disk fails."""
        fresh, gone = list(self._uncommitted.values()), list(self._pending_deletes)
        if not self._disk.write(
            lambda store: store.commit(fresh, gone, next_seq=next_seq, running_ns=running_ns)
        ):
            return False
        self._summary = StoreSummary(self.count, self.size_bytes, next_seq, running_ns)
        self._uncommitted.clear()
        self._uncommitted_bytes = 0
        self._clear_pending_deletes()
        return True

    def _read_stored_after(self, seq: int, limit: int) -> list[SpoolItem]:
        found: list[SpoolItem] = []
        while len(found) < limit and self._summary.count > len(self._pending_deletes):
            page = self._read_page(seq, limit)
            found += [item for item in page if item.seq not in self._pending_deletes]
            if len(page) < limit:
                break
            seq = page[-1].seq
        return found[:limit]

    def _read_page(self, seq: int, limit: int) -> list[SpoolItem]:
        return self._disk.run(lambda store: store.read_after(seq, limit), [])

    def _clear_pending_deletes(self) -> None:
        self._pending_deletes.clear()
        self._pending_delete_bytes = 0
