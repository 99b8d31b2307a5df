"""The waiting messages: an index of all, and the payloads of those that only memory holds or that are handed out next."""

from collections.abc import Iterable, Iterator

from edged.messaging.spool.files import CommitGroup
from edged.messaging.spool.index import MessageIndex, MessageSize
from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.payload_cache import PayloadCache

_PAGE_COUNT, _PAGE_BYTES = 256, 128 * 2**10
_REFILL_COUNT = 384
"""A page is read when fewer stored messages than these are in memory: at 0.1 ms each, the disk has 40 ms for it."""


class Backlog:
    """What waits, as the owner of the spool knows it; the disk follows.

    A message is *uncommitted* until a commit with it has succeeded. What a commit in progress adds or deletes is its *group*; what is
    removed meanwhile is deleted by the next commit.
    """

    def __init__(self) -> None:
        self.index = MessageIndex()
        """All messages."""
        self.uncommitted_bytes = 0
        """Payload bytes that only memory holds."""
        self.is_unreadable = False
        """Whether stored messages are passed over until the file is opened again, because the disk could not read them."""
        self.in_flight: dict[int, SpoolItem] = {}
        """The messages that were handed out, and did not arrive yet, by their numbers."""
        self._cursor = -1
        self._uncommitted: dict[int, SpoolItem] = {}
        self._removals: set[int] = set()
        self._group: CommitGroup | None = None
        self._group_end = -1
        self._removed_from_group: set[int] = set()
        self._doubtful: set[int] = set()
        self._cache = PayloadCache()
        self._last_stored = -1

    @property
    def uncommitted_count(self) -> int:
        """Number of messages that only memory holds."""
        return len(self._uncommitted)

    @property
    def removal_count(self) -> int:
        """Number of deletions that are in no commit yet."""
        return len(self._removals)

    @property
    def first_uncommitted_seq(self) -> int | None:
        """The lowest number of a message that only memory holds; None if there is none."""
        for seq in self._uncommitted:
            return seq
        return None

    @property
    def first_uncommitted_ns(self) -> int | None:
        """The running time at which that message was made; None if there is none."""
        for item in self._uncommitted.values():
            return item.created_ns
        return None

    def load(self, index: MessageIndex) -> None:
        """Take over what the file holds after it was opened or replaced; what is no longer there needs no deletion."""
        self._last_stored = max(index.iterate_after(-1), default=-1)
        outdated = self._removals | self._doubtful | self._uncommitted.keys()
        self._removals = {seq for seq in outdated if index.remove(seq) is not None}
        self._doubtful.clear()
        for item in self._uncommitted.values():
            index.add(item.seq, item.rank, len(item.payload), item.created_ns)
        self.index = index
        self.in_flight = {seq: one for seq, one in self.in_flight.items() if seq in index}
        self._cursor = -1
        self.is_unreadable = False
        self._cache.clear()

    def put(self, item: SpoolItem) -> None:
        """Add a message whose number is above all others."""
        self.index.add(item.seq, item.rank, len(item.payload), item.created_ns)
        self._uncommitted[item.seq] = item
        self.uncommitted_bytes += len(item.payload)

    def remove(self, seq: int) -> None:
        """Remove a message; does nothing if it does not wait."""
        if self.index.remove(seq) is None:
            return
        item = self._uncommitted.pop(seq, None)
        if item is None:
            self._removals.add(seq)
            self._cache.take(seq)
            return
        self.uncommitted_bytes -= len(item.payload)
        if seq <= self._group_end:
            self._removed_from_group.add(seq)

    def iterate_fresh_sizes(self, rank: Rank) -> Iterator[MessageSize]:
        """Yield number and payload bytes of the messages of one rank that no commit in progress holds, ascending."""
        for item in self._uncommitted.values():
            if item.rank is rank and item.seq > self._group_end:
                yield item.seq, len(item.payload)

    def list_gaps(self, stored: Iterable[SpoolItem]) -> list[SpoolItem]:
        """Return the gap records that wait, ascending; `stored` are those in the file."""
        uncommitted = [one for one in self._uncommitted.values() if one.rank is Rank.GAP]
        return [*(one for one in stored if one.seq in self.index), *uncommitted]

    def take(self, max_count: int) -> list[SpoolItem]:
        """Hand out at most `max_count` messages that were not handed out since `rewind`, in order, as far as they are in memory."""
        items = list[SpoolItem]()
        for seq in self._iterate_unsent() if max_count > 0 else ():
            item = self._uncommitted.get(seq) or self._cache.take(seq)
            if item is None:
                self._cache.end = min(self._cache.end, seq - 1)
                break
            items.append(item)
            self._cursor = seq
            if len(items) == max_count:
                break
        for item in items:
            self.in_flight[item.seq] = item
        return items

    def rewind(self) -> None:
        """Let every message be handed out again; those that were stay in memory."""
        stored = [one for seq, one in self.in_flight.items() if seq not in self._uncommitted]
        self._cache.add((one for one in stored if one.seq in self.index), self._cursor)
        self.in_flight.clear()
        self._cursor = -1

    @property
    def is_page_due(self) -> bool:
        """Whether stored messages must be read, because few of those that are handed out next are in memory."""
        return (
            self._last_stored > self._cursor
            and self._last_stored > self._cache.end
            and len(self._cache) < _REFILL_COUNT
            and not self.is_unreadable
        )

    def select_page(self) -> tuple[int, ...]:
        """Return the numbers of the stored messages to read next; none if no page is due."""
        if not self.is_page_due:
            return ()
        seqs, size_bytes = list[int](), 0
        after = max(self._cursor, self._cache.end)
        for seq in self.index.iterate_after(after):
            if seq in self._uncommitted or size_bytes >= _PAGE_BYTES or len(seqs) == _PAGE_COUNT:
                break
            if seq not in self.in_flight:
                seqs.append(seq)
                size_bytes += self.index.read_size(seq)
        if not seqs:
            self._cache.end = max(after, self._last_stored)
        return tuple(seqs)

    def add_page(self, seqs: tuple[int, ...], items: Iterable[SpoolItem]) -> None:
        """Take the messages that `select_page` chose."""
        self._cache.add((item for item in items if item.seq in self.index), seqs[-1])

    def begin_commit(self, *, next_seq: int, running_ns: int) -> CommitGroup:
        """Return what is not durable yet; `end_commit` must follow.

        Args:
            next_seq: the next number.
            running_ns: the running time until now.
        """
        self._group = CommitGroup(
            add=tuple(self._uncommitted.values()),
            remove=frozenset(self._removals),
            next_seq=next_seq,
            running_ns=running_ns,
        )
        self._group_end = next(reversed(self._uncommitted), -1)
        self._removals.clear()
        return self._group

    def end_commit(self, *, is_durable: bool, is_doubtful: bool) -> None:
        """Take note of the result of a commit.

        Args:
            is_durable: the group is durable; otherwise the disk fails.
            is_doubtful: the group may be durable all the same, which `load` will show.
        """
        group, self._group, self._group_end = self._group, None, -1
        assert group is not None, "no commit is in progress"  # noqa: S101
        if is_durable:
            self._removals |= self._removed_from_group
            self._doubtful.clear()
            self._note_stored(group)
        else:
            self._removals |= group.remove
            self._doubtful |= self._removed_from_group
            if is_doubtful:
                self._doubtful.update(item.seq for item in group.add)
        self._removed_from_group.clear()

    def _iterate_unsent(self) -> Iterator[int]:
        """Yield what may be handed out next; stored messages that cannot be read are passed over."""
        seqs: Iterable[int] = self.index.iterate_after(self._cursor)
        if self.is_unreadable:
            seqs = (*sorted(self._cache), *self._uncommitted)
        return (seq for seq in seqs if seq > self._cursor and seq not in self.in_flight)

    def _note_stored(self, group: CommitGroup) -> None:
        """Keep the messages that are stored now in memory as long as none before them must be read."""
        is_gapless = max(self._cursor, self._cache.end) >= self._last_stored
        for item in group.add:
            if self._uncommitted.pop(item.seq, None) is None:
                continue
            self.uncommitted_bytes -= len(item.payload)
            if item.seq in self.in_flight and is_gapless:
                self._cache.end = max(self._cache.end, item.seq)
            elif is_gapless:
                is_gapless = self._cache.offer(item)
        if group.add:
            self._last_stored = max(self._last_stored, group.add[-1].seq)
