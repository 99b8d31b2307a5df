"""The waiting messages in order: first those on disk, then those that only memory holds."""

from itertools import islice

from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.store import MessageSize, Rank, SpoolItem, SpoolStore, StoreSummary

_PAGE_SIZE = 64
_EMPTY = StoreSummary(count=0, size_bytes=0, next_seq=0, running_ns=0)


class Backlog:
    """The messages in `SpoolDisk` and in memory; all on disk have lower numbers than all in memory.

    Deletions are collected and reach the disk with the next commit.
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
        """Number of messages on disk and in memory."""
        return self._summary.count - len(self._pending_deletes) + len(self._uncommitted)

    @property
    def size_bytes(self) -> int:
        """Payload bytes on disk and in memory."""
        return self._summary.size_bytes - self._pending_delete_bytes + self._uncommitted_bytes

    @property
    def uncommitted_bytes(self) -> int:
        """Payload bytes that only memory holds."""
        return self._uncommitted_bytes

    @property
    def uncommitted_count(self) -> int:
        """Number of messages that only memory holds."""
        return len(self._uncommitted)

    @property
    def pending_delete_count(self) -> int:
        """Number of deletions that have not reached the disk."""
        return len(self._pending_deletes)

    @property
    def first_uncommitted(self) -> SpoolItem | None:
        """The message with the lowest number that only memory holds; None if there is none."""
        return next(iter(self._uncommitted.values()), None)

    def load(self) -> StoreSummary:
        """Read the summary of the disk after it was opened."""
        self._summary = self._disk.run(SpoolStore.read_summary, _EMPTY)
        return self._summary

    def forget_stored(self) -> None:
        """Forget every message on disk, because the file was lost."""
        self._clear_pending_deletes()
        self._summary = _EMPTY

    def put(self, item: SpoolItem) -> None:
        """Add a message whose number is above all others."""
        self._uncommitted[item.seq] = item
        self._uncommitted_bytes += len(item.payload)

    def remove(self, seq: int, size_bytes: int) -> None:
        """Remove a message whose payload has `size_bytes` bytes."""
        if seq in self._uncommitted:
            del self._uncommitted[seq]
            self._uncommitted_bytes -= size_bytes
        else:
            self._pending_deletes.add(seq)
            self._pending_delete_bytes += size_bytes

    def read_after(self, seq: int, limit: int) -> list[SpoolItem]:
        """Return at most `limit` messages with a number above `seq`, ascending."""
        stored = self._read_stored_after(seq, limit)
        uncommitted = (item for item in self._uncommitted.values() if item.seq > seq)
        return [*stored, *islice(uncommitted, limit - len(stored))]

    def read_gaps(self) -> list[SpoolItem]:
        """Return the gap records on disk, ascending."""
        return self._disk.run(SpoolStore.read_gaps, [])

    def read_sizes(self, rank: Rank) -> list[MessageSize]:
        """Return (number, payload bytes) of every message of one rank, ascending."""
        stored: list[MessageSize] = self._disk.run(lambda store: store.read_sizes(rank), [])
        return [
            pair for pair in stored if pair[0] not in self._pending_deletes
        ] + self.uncommitted_sizes(rank)

    def uncommitted_sizes(self, rank: Rank) -> list[MessageSize]:
        """Return (number, payload bytes) of the messages of one rank that only memory holds, ascending."""
        return [(i.seq, len(i.payload)) for i in self._uncommitted.values() if i.rank is rank]

    def read_created_before(self, created_ns: int) -> list[MessageSize]:
        """Return (number, payload bytes) of every message, gap records excepted, made before `created_ns` of running time."""
        stored: list[MessageSize] = self._disk.run(
            lambda store: store.read_created_before(created_ns), []
        )
        uncommitted = [
            (i.seq, len(i.payload))
            for i in self._uncommitted.values()
            if i.created_ns < created_ns and i.rank is not Rank.GAP
        ]
        return [pair for pair in stored if pair[0] not in self._pending_deletes] + uncommitted

    def read_oldest_created_ns(self) -> int | None:
        """Return the running time at which the first waiting message was made; None if none waits."""
        first = self.read_after(-1, _PAGE_SIZE)
        return first[0].created_ns if first else None

    def commit(self, *, next_seq: int, running_ns: int) -> bool:
        """Make everything durable; return False if the disk fails."""
        added, deleted = list(self._uncommitted.values()), list(self._pending_deletes)
        if not self._disk.write(
            lambda store: store.commit(added, deleted, next_seq=next_seq, running_ns=running_ns)
        ):
            return False
        self._summary = StoreSummary(self.count, self.size_bytes, next_seq, running_ns)
        self._uncommitted.clear()
        self._uncommitted_bytes = 0
        self._clear_pending_deletes()
        return True

    def _read_stored_after(self, seq: int, limit: int) -> list[SpoolItem]:
        items: list[SpoolItem] = []
        while len(items) < limit and self._summary.count > len(self._pending_deletes):
            page = self._read_page(seq, limit)
            items += [item for item in page if item.seq not in self._pending_deletes]
            if len(page) < limit:
                break
            seq = page[-1].seq
        return items[:limit]

    def _read_page(self, seq: int, limit: int) -> list[SpoolItem]:
        return self._disk.run(lambda store: store.read_after(seq, limit), [])

    def _clear_pending_deletes(self) -> None:
        self._pending_deletes.clear()
        self._pending_delete_bytes = 0
