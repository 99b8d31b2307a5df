"""The queue of messages that wait for an acknowledgement.

A message gets its number when it is appended and may be handed out at once. If it is acknowledged before the next group
commit it never touches the disk, which spares SD cards; otherwise the commit makes it durable, at the latest after one
second or 64 messages. What is lost on the way is always told by a gap record, which is a queued message itself.

Ages are measured on a line of running time that is stored with each commit: a wall clock that is set forward must not expire
everything, and the time in which the device was off does not count.
"""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import msgspec

from edged.clock import NS_PER_S, Clock
from edged.messaging.spool.backlog import Backlog
from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.gaps import GapRecords
from edged.messaging.spool.loss import LossReason, MessageLoss, merge_ranges
from edged.messaging.spool.sequence_numbers import SequenceNumbers
from edged.messaging.spool.store import MessageSize, Rank, SpoolItem

_COMMIT_GROUP_SIZE = 64
_COMMIT_INTERVAL_NS = NS_PER_S
_EXPIRY_INTERVAL_NS = 60 * NS_PER_S
_RETRY_INTERVAL_NS = 30 * NS_PER_S
_IDLE_S = 30.0
_MAX_MEMORY_BYTES = 4 * 2**20
_TARGET_FILL = 0.9
"""How full a full queue is after it made room: giving up a tenth at once keeps gap records few."""

EncodeGap = Callable[[int, MessageLoss], tuple[str, bytes]]
"""Makes the gap record of a number and a loss: its topic and its payload."""


class Spool:
    """Bounded by bytes and age; one thread uses it."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Clock,
        encode_gap: EncodeGap,
        max_memory_bytes: int = _MAX_MEMORY_BYTES,
    ) -> None:
        """Open what an earlier run left, or begin anew.

        Args:
            folder: where the files are; made if it is not there.
            max_bytes: most bytes of payload that are kept.
            max_age_s: running time after which a message is dropped.
            clock: for group commits and ages.
            encode_gap: makes gap records.
            max_memory_bytes: most bytes of payload that are kept while the disk fails.

        Raises:
            SpoolError: another daemon has the folder. A disk that fails is a `fault` instead.
        """
        self._max_bytes = max_bytes
        self._max_age_ns = int(max_age_s * NS_PER_S)
        self._max_memory_bytes = min(max_memory_bytes, max_bytes)
        self._clock = clock
        self._encode_gap = encode_gap
        self._in_flight: dict[int, int] = {}
        self._cursor = -1
        self._gaps = GapRecords()
        self._opened_ns = clock.monotonic_ns()
        self._last_commit_ns = self._last_expiry_ns = self._last_retry_ns = self._opened_ns
        self._numbers = SequenceNumbers(
            folder / "sequence", wall_ms=clock.wall_ns() * 1000 // NS_PER_S
        )
        self._disk = SpoolDisk(folder / "spool.db")
        self._backlog = Backlog(self._disk)
        self._previous_running_ns = self._backlog.load().running_ns
        self._recover()

    @property
    def fault(self) -> str:
        """Why the disk is not in use, in words; empty if it is."""
        return self._disk.fault or self._numbers.fault

    @property
    def depth(self) -> int:
        """Messages that wait for their acknowledgement."""
        return self._backlog.count

    @property
    def size_bytes(self) -> int:
        """Of their payloads."""
        return self._backlog.size_bytes

    @property
    def oldest_age_s(self) -> float | None:
        """Running time since the first in line was made; None if nothing waits."""
        made_ns = self._backlog.read_oldest_created_ns()
        return None if made_ns is None else max(0, self._read_running_ns() - made_ns) / NS_PER_S

    def append(self, rank: Rank, topic: str, encode: Callable[[int], bytes]) -> int:
        """Queue a message.

        Args:
            rank: how much it matters.
            topic: where it goes.
            encode: makes the payload of its number.

        Returns:
            Its number.
        """
        seq = self._numbers.allocate(self._find_lowest_unsafe())
        self._backlog.put(SpoolItem(seq, rank, topic, encode(seq), self._read_running_ns()))
        if self._backlog.size_bytes > self._max_bytes:
            self._make_room()
        if self._backlog.uncommitted_count >= _COMMIT_GROUP_SIZE:
            self._commit()
        if self._backlog.uncommitted_bytes > self._max_memory_bytes:
            self._make_room_in_memory()
        return seq

    def take_unsent(self, max_count: int) -> list[SpoolItem]:
        """Hand out at most `max_count` messages, in the order of their numbers, that were not handed out since `rewind`."""
        items = self._backlog.read_after(self._cursor, max_count + len(self._in_flight))
        items = [item for item in items if item.seq not in self._in_flight][:max_count]
        for item in items:
            self._in_flight[item.seq] = len(item.payload)
            self._cursor = item.seq
        return items

    def ack(self, seq: int) -> None:
        """A message that was handed out has arrived: forget it. Repeats and unknown numbers do nothing."""
        size = self._in_flight.pop(seq, None)
        if size is None:
            return
        self._backlog.remove(seq, size)
        self._gaps.remove(seq)

    def rewind(self) -> None:
        """Hand out everything again that is not acknowledged: the link was lost."""
        self._in_flight.clear()
        self._cursor = -1

    def tick(self) -> float:
        """Commit, expire, try a failed disk again, as far as it is due; the seconds until something is due next."""
        now_ns = self._clock.monotonic_ns()
        self._report_quarantine()
        if self.fault and now_ns - self._last_retry_ns >= _RETRY_INTERVAL_NS:
            self._last_retry_ns = now_ns
            self._numbers.claim()
            self._disk.open()
            self._recover()
        if now_ns - self._last_expiry_ns >= _EXPIRY_INTERVAL_NS:
            self._last_expiry_ns = now_ns
            self._expire()
        return self._commit_if_due(now_ns)

    def close(self) -> None:
        """Make everything durable and let go of the files."""
        safe = self._backlog.commit(next_seq=self._numbers.next, running_ns=self._read_running_ns())
        self._numbers.close(is_clean=safe)
        self._disk.close()

    def _read_running_ns(self) -> int:
        """The moment on the line of running time."""
        return self._previous_running_ns + self._clock.monotonic_ns() - self._opened_ns

    def _recover(self) -> None:
        """Take up what the disk holds, at the start or after a fault."""
        stored = self._backlog.load()
        self._gaps.restore(self._backlog.read_gaps())
        lost = self._numbers.recover(
            next_stored=stored.next_seq, lowest_unsafe=self._find_lowest_unsafe()
        )
        if lost is not None:
            self._queue_gap(MessageLoss("unclean_stop", (lost,), None))
        self._report_quarantine()
        self._cursor = -1
        self._commit()

    def _find_lowest_unsafe(self) -> int | None:
        """The lowest number that only memory knows of, be it in a gap record."""
        first = self._backlog.first_uncommitted
        return None if first is None else self._gaps.find_lowest_seq(first.seq)

    def _commit(self) -> None:
        self._last_commit_ns = self._clock.monotonic_ns()
        self._backlog.commit(next_seq=self._numbers.next, running_ns=self._read_running_ns())
        self._report_quarantine()

    def _commit_if_due(self, now_ns: int) -> float:
        first = self._backlog.first_uncommitted
        if first is not None:
            waited_ns = self._read_running_ns() - first.created_ns
        elif self._backlog.pending_delete_count:
            waited_ns = now_ns - self._last_commit_ns
        else:
            return _IDLE_S
        if (
            waited_ns >= _COMMIT_INTERVAL_NS
            or self._backlog.pending_delete_count >= _COMMIT_GROUP_SIZE
        ):
            self._commit()
            return _IDLE_S
        return (_COMMIT_INTERVAL_NS - waited_ns) / NS_PER_S

    def _expire(self) -> None:
        old = self._backlog.read_created_before(self._read_running_ns() - self._max_age_ns)
        self._drop("expired", [pair for pair in old if pair[0] not in self._in_flight])

    def _make_room(self) -> None:
        excess = self._backlog.size_bytes - int(self._max_bytes * _TARGET_FILL)
        self._drop("full", self._select_victims(self._backlog.read_sizes, excess))

    def _make_room_in_memory(self) -> None:
        excess = self._backlog.uncommitted_bytes - int(self._max_memory_bytes * _TARGET_FILL)
        self._drop("disk", self._select_victims(self._backlog.uncommitted_sizes, excess))

    def _select_victims(
        self, sizes: Callable[[Rank], list[MessageSize]], excess: int
    ) -> list[MessageSize]:
        """The least important, then the oldest, that make up `excess` bytes; nothing that is on its way."""
        ranked = chain.from_iterable(sizes(rank) for rank in (Rank.UPDATE, Rank.EVENT))
        victims: list[MessageSize] = []
        for seq, size in ranked:
            if excess <= 0:
                break
            if seq not in self._in_flight:
                victims.append((seq, size))
                excess -= size
        return victims

    def _drop(self, reason: LossReason, victims: list[MessageSize]) -> None:
        if not victims:
            return
        for seq, size in victims:
            self._backlog.remove(seq, size)
        self._queue_gap(
            MessageLoss(reason, merge_ranges((seq, seq) for seq, _ in victims), len(victims))
        )
        self._commit()

    def _queue_gap(self, loss: MessageLoss) -> None:
        """Queue a gap record; one of the same reason that still waits goes up in it."""
        loss, replaced = self._gaps.merge(loss, self._in_flight)
        if replaced is not None:
            self._backlog.remove(replaced.seq, len(replaced.payload))
        seq = self._numbers.allocate(self._find_lowest_unsafe())
        topic, payload = self._encode_gap(seq, loss)
        record = SpoolItem(
            seq, Rank.GAP, topic, payload, self._read_running_ns(), msgspec.json.encode(loss)
        )
        self._backlog.put(record)
        self._gaps.add(record)

    def _report_quarantine(self) -> None:
        """A damaged file took everything with it that was not in memory."""
        if self._disk.quarantined_path is None:
            return
        self._disk.quarantined_path = None
        self._backlog.forget_stored()
        self._gaps.clear()
        unsafe = self._find_lowest_unsafe()
        last = (self._numbers.next if unsafe is None else unsafe) - 1
        self._queue_gap(MessageLoss("corrupt", ((1, last),), None))
