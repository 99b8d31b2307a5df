"""The queue of messages that wait for an acknowledgement.

A message gets its number when it is appended, and may be handed out at once. If it is acknowledged before the next group commit,
it is never written to the disk, which spares SD cards; otherwise the commit makes it durable, after at most one second or 64
messages. Every lost message is reported by a gap record, which is a queued message itself.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edged.clock import NS_PER_S, Clock
from edged.messaging.spool.backlog import Backlog
from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.gaps import GapRecords
from edged.messaging.spool.loss import LossReason, MessageLoss, merge_ranges
from edged.messaging.spool.retention import RetentionLimits
from edged.messaging.spool.running_time import RunningTime
from edged.messaging.spool.sequence_numbers import SequenceNumbers
from edged.messaging.spool.store import MessageSize, Rank, SpoolItem

_COMMIT_GROUP_SIZE = 64
_COMMIT_INTERVAL_NS = NS_PER_S
_EXPIRY_INTERVAL_NS = 60 * NS_PER_S
_RETRY_INTERVAL_NS = 30 * NS_PER_S
_IDLE_S = 30.0
_MAX_MEMORY_BYTES = 4 * 2**20

EncodeGap = Callable[[int, MessageLoss], tuple[str, bytes]]
"""Makes a gap record from its number and the loss; returns topic and payload."""


class Spool:
    """A queue bounded by bytes and age; one thread uses it."""

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
        """Open the queue of an earlier run, or create a new one.

        Args:
            folder: where the files are; created if necessary.
            max_bytes: limit of the payload bytes that are kept.
            max_age_s: running time in seconds after which a message is dropped.
            clock: the clock of group commits and ages.
            encode_gap: makes gap records.
            max_memory_bytes: limit of the payload bytes that are kept while the disk fails.

        Raises:
            SpoolError: another daemon uses the folder. (A disk that fails sets `fault` instead.)
        """
        self._limits = RetentionLimits(
            max_bytes=max_bytes,
            max_memory_bytes=min(max_memory_bytes, max_bytes),
            max_age_ns=int(max_age_s * NS_PER_S),
        )
        self._clock = clock
        self._encode_gap = encode_gap
        self._in_flight: dict[int, int] = {}
        """Payload bytes by sequence number."""
        self._cursor = -1
        """The highest number handed out since `rewind`."""
        self._gaps = GapRecords()
        now_ns = clock.monotonic_ns()
        self._last_commit_ns = self._last_expiry_ns = self._last_retry_ns = now_ns
        self._numbers = SequenceNumbers(
            folder / "sequence", wall_ms=clock.wall_ns() * 1000 // NS_PER_S
        )
        self._disk = SpoolDisk(folder / "spool.db")
        self._backlog = Backlog(self._disk)
        self._running_time = RunningTime(clock, previous_ns=self._backlog.load().running_ns)
        self._recover()

    @property
    def fault(self) -> str | None:
        """The reason why the disk is not in use; None if it is."""
        return self._disk.fault or self._numbers.fault

    @property
    def depth(self) -> int:
        """Number of messages that wait for their acknowledgement."""
        return self._backlog.count

    @property
    def size_bytes(self) -> int:
        """Payload bytes of all waiting messages."""
        return self._backlog.size_bytes

    @property
    def oldest_age_s(self) -> float | None:
        """Running time in seconds since the first waiting message was made; None if none waits."""
        created_ns = self._backlog.read_oldest_created_ns()
        if created_ns is None:
            return None
        return max(0, self._running_time.read_ns() - created_ns) / NS_PER_S

    def append(self, rank: Rank, topic: str, encode: Callable[[int], bytes]) -> int:
        """Queue a message.

        Args:
            rank: its importance.
            topic: where to publish it.
            encode: makes the payload from the message's number.

        Returns:
            The message's number.
        """
        seq = self._numbers.allocate(self._find_lowest_unsafe())
        self._backlog.put(SpoolItem(seq, rank, topic, encode(seq), self._running_time.read_ns()))
        self._drop("full", self._limits.select_excess(self._backlog, self._in_flight))
        if self._backlog.uncommitted_count >= _COMMIT_GROUP_SIZE:
            self._commit()
        self._drop("disk", self._limits.select_memory_excess(self._backlog, self._in_flight))
        return seq

    def take_unsent(self, max_count: int) -> list[SpoolItem]:
        """Hand out, in order, at most `max_count` messages that were not handed out since `rewind`."""
        items = self._backlog.read_after(self._cursor, max_count + len(self._in_flight))
        items = [item for item in items if item.seq not in self._in_flight][:max_count]
        for item in items:
            self._in_flight[item.seq] = len(item.payload)
            self._cursor = item.seq
        return items

    def ack(self, seq: int) -> None:
        """Remove a message that was handed out and has arrived; repeated and unknown numbers are ignored."""
        size = self._in_flight.pop(seq, None)
        if size is None:
            return
        self._backlog.remove(seq, size)
        self._gaps.remove(seq)

    def rewind(self) -> None:
        """Hand out every unacknowledged message again, because the link was lost."""
        self._in_flight.clear()
        self._cursor = -1

    def tick(self) -> float:
        """Commit, expire messages and retry a failed disk when each is due; return the seconds until the next is due.

        Raises:
            SpoolError: another daemon now uses the folder.
        """
        now_ns = self._clock.monotonic_ns()
        self._report_quarantine()
        if self.fault and now_ns - self._last_retry_ns >= _RETRY_INTERVAL_NS:
            self._last_retry_ns = now_ns
            self._numbers.claim()
            self._disk.open()
            self._recover()
        if now_ns - self._last_expiry_ns >= _EXPIRY_INTERVAL_NS:
            self._last_expiry_ns = now_ns
            running_ns = self._running_time.read_ns()
            self._drop(
                "expired", self._limits.select_expired(self._backlog, self._in_flight, running_ns)
            )
        return self._commit_if_due(now_ns)

    def close(self) -> None:
        """Make everything durable and close the files."""
        is_safe = self._backlog.commit(
            next_seq=self._numbers.next, running_ns=self._running_time.read_ns()
        )
        self._numbers.close(is_clean=is_safe)
        self._disk.close()

    def _recover(self) -> None:
        """Load what the disk holds, at the start or after a fault."""
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
        """Return the lowest number that only memory knows, as a message or in a gap record; None if there is none."""
        first = self._backlog.first_uncommitted
        return None if first is None else self._gaps.find_lowest_seq(first.seq)

    def _commit(self) -> None:
        self._last_commit_ns = self._clock.monotonic_ns()
        self._backlog.commit(next_seq=self._numbers.next, running_ns=self._running_time.read_ns())
        self._report_quarantine()

    def _commit_if_due(self, now_ns: int) -> float:
        first = self._backlog.first_uncommitted
        if first is not None:
            waited_ns = self._running_time.read_ns() - first.created_ns
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
        """Queue a gap record; it replaces a waiting record of the same reason."""
        loss, replaced = self._gaps.merge(loss, self._in_flight)
        if replaced is not None:
            self._backlog.remove(replaced.seq, len(replaced.payload))
        seq = self._numbers.allocate(self._find_lowest_unsafe())
        topic, payload = self._encode_gap(seq, loss)
        encoded_loss = msgspec.json.encode(loss)
        record = SpoolItem(
            seq, Rank.GAP, topic, payload, self._running_time.read_ns(), encoded_loss
        )
        self._backlog.put(record)
        self._gaps.add(record)

    def _report_quarantine(self) -> None:
        """Queue a gap record if a damaged file was replaced: every message that was not in memory is lost."""
        if self._disk.quarantined_path is None:
            return
        self._disk.quarantined_path = None
        self._backlog.forget_stored()
        self._gaps.clear()
        unsafe = self._find_lowest_unsafe()
        last = (self._numbers.next if unsafe is None else unsafe) - 1
        self._queue_gap(MessageLoss("corrupt", ((1, last),), None))
