"""The waiting messages in order: first those on disk, then those that only memory holds."""

from itertools import islice

from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.store import MessageSize, SpoolStore

_PAGE_SIZE = 64
_EMPTY = StoreSummary()


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
        self._stored_count = 0
        self._stored_bytes = 0
        self.is_unread = False
        """Whether messages on disk were passed over since `load`, because they could not be read."""

    @property
    def count(self) -> int:
        """Number of messages on disk and in memory."""
        return self._stored_count - len(self._pending_deletes) + len(self._uncommitted)

    @property
    def size_bytes(self) -> int:
        """Payload bytes on disk and in memory."""
        return self._stored_bytes - self._pending_delete_bytes + self._uncommitted_bytes

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
        """Read what the disk holds, after the file was opened or replaced; what is no longer there needs no deletion."""
        summary, self._stored_bytes = self._disk.run(
            lambda store: (store.summary, store.size_bytes), (_EMPTY, 0)
        )
        self._stored_count = summary.count
        self.is_unread = False
        outdated = self._pending_deletes | self._uncommitted.keys()
        no_sizes: dict[int, int] = {}
        deletes = self._disk.run(lambda store: store.read_sizes_of(outdated), no_sizes)
        self._pending_deletes = set(deletes)
        self._pending_delete_bytes = sum(deletes.values())
        return summary

    def read_seqs(self) -> list[int]:
        """Return the numbers of all messages, ascending."""
        stored: list[int] = self._disk.run(SpoolStore.read_seqs, [])
        return [seq for seq in stored if seq not in self._pending_deletes] + [*self._uncommitted]

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
        """Return at most `limit` messages with a number above `seq`, ascending; none while the content of a new file is unknown."""
        stored = self._read_stored_after(seq, limit)
        if self._disk.is_new:
            return []
        uncommitted = (item for item in self._uncommitted.values() if item.seq > seq)
        return [*stored, *islice(uncommitted, limit - len(stored))]

    def find(self, seq: int) -> SpoolItem | None:
        """Return the waiting message with this number; None if there is none."""
        found = self.read_after(seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    def read_gaps(self) -> list[SpoolItem]:
        """Return all gap records, ascending."""
        stored: list[SpoolItem] = self._disk.run(SpoolStore.read_gaps, [])
        uncommitted = (item for item in self._uncommitted.values() if item.rank is Rank.GAP)
        return [*(gap for gap in stored if gap.seq not in self._pending_deletes), *uncommitted]

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

    def commit(self, *, next_seq: int, running_ns: int) -> StoreSummary | None:
        """Make everything durable; return the new content of the store, or None if the disk fails."""
        added, deleted = list(self._uncommitted.values()), list(self._pending_deletes)
        if not self._disk.write(
            lambda store: store.commit(added, deleted, next_seq=next_seq, running_ns=running_ns)
        ):
            return None
        self._stored_count, self._stored_bytes = self.count, self.size_bytes
        self._uncommitted.clear()
        self._uncommitted_bytes = 0
        self._pending_deletes.clear()
        self._pending_delete_bytes = 0
        return self._disk.run(lambda store: store.summary, None)

    def _read_stored_after(self, seq: int, limit: int) -> list[SpoolItem]:
        items: list[SpoolItem] = []
        while len(items) < limit and self._stored_count > len(self._pending_deletes):
            page = self._read_page(seq, limit)
            if page is None:
                self.is_unread = True
                break
            items += [item for item in page if item.seq not in self._pending_deletes]
            if len(page) < limit:
                break
            seq = page[-1].seq
        return items[:limit]

    def _read_page(self, seq: int, limit: int) -> list[SpoolItem] | None:
        return self._disk.run(lambda store: store.read_after(seq, limit), None)


class SendWindow:
    """The messages in flight, and how far the waiting ones were handed out. Messages are handed out in ascending order."""

    def __init__(self, next_seq: int) -> None:
        self.in_flight: dict[int, int] = {}
        """Payload bytes by sequence number, ascending."""
        self.cursor = -1
        """The highest number handed out since the last rewind."""
        self._first_waiting = next_seq

    def add(self, item: SpoolItem) -> None:
        """Take note that a message was handed out."""
        self.in_flight[item.seq] = len(item.payload)
        self.cursor = item.seq

    def rewind(self, backlog: Backlog) -> None:
        """Forget what was handed out."""
        self.find_first_waiting(backlog, 0)
        self.in_flight.clear()
        self.cursor = -1

    def restart(self, present: list[int], next_seq: int) -> None:
        """Begin with the lowest of the numbers `present`, which wait; those in flight that do not wait any more are forgotten."""
        waiting = set(present)
        self.in_flight = {seq: n for seq, n in self.in_flight.items() if seq in waiting}
        self.cursor = -1
        self._first_waiting = present[0] if present else next_seq

    def find_first_waiting(self, backlog: Backlog, next_seq: int) -> int:
        """Return a number below which every message has arrived or was reported lost; `next_seq` if none waits."""
        if not backlog.is_unread:
            self._advance()
        return self._first_waiting if backlog.count else next_seq

    def _advance(self) -> None:
        if self.cursor >= 0:
            first = next(iter(self.in_flight), self.cursor + 1)
            self._first_waiting = max(self._first_waiting, first)
