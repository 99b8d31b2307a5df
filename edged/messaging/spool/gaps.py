"""The waiting gap records, and how a loss becomes one.

At most one record of each reason waits outside the messages in flight, so that they stay few however long an outage lasts.
"""

from collections.abc import Callable, Container, Iterable
from contextlib import suppress

import msgspec

from edged.clock import RunningTime
from edged.messaging.spool.backlog import Backlog
from edged.messaging.spool.index import MessageSize
from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.loss import LossReason, MessageLoss, find_missing, merge_ranges
from edged.messaging.spool.recovery import SuspectNumbers
from edged.messaging.spool.sequence_numbers import SequenceNumbers


class GapRecords:
    """The gap records that wait, of which the newest of each reason can still be replaced."""

    def __init__(self) -> None:
        self._newest: dict[LossReason, int] = {}
        self._records: dict[int, SpoolItem] = {}
        self.first_reported: dict[int, int] = {}
        """The lowest number that each waiting record reports, by the record's number."""

    def restore(self, records: Iterable[SpoolItem]) -> None:
        """Load the records that wait; one that only a newer version can read is delivered as it is."""
        self._newest.clear()
        self._records.clear()
        self.first_reported.clear()
        for record in records:
            with suppress(msgspec.DecodeError):
                self.add(record)

    def add(self, record: SpoolItem) -> None:
        """Note a record that was queued."""
        loss = _decode_loss(record)
        self._newest[loss.reason] = record.seq
        self._records[record.seq] = record
        self.first_reported[record.seq] = loss.ranges[0][0]

    def find(self, seq: int) -> SpoolItem | None:
        """Return the waiting record with number `seq`; None if there is none, or only a newer version can read it."""
        return self._records.get(seq)

    def remove(self, seq: int) -> None:
        """Forget the record with number `seq`, if there is one: it has arrived, or was replaced."""
        if self._records.pop(seq, None) is not None:
            del self.first_reported[seq]
            self._newest = {reason: one for reason, one in self._newest.items() if one != seq}

    def merge(
        self, loss: MessageLoss, in_flight: Container[int]
    ) -> tuple[MessageLoss, SpoolItem | None]:
        """Join a loss with the waiting record of the same reason.

        Returns:
            The loss to report, and the record that it replaces, or None; the replaced record's own number is part of the loss.
        """
        seq = self._newest.get(loss.reason)
        if seq is None or seq in in_flight:
            return loss, None
        earlier = self._records[seq]
        record = MessageLoss(loss.reason, ((earlier.seq, earlier.seq),), 0)
        return loss.merged_with(_decode_loss(earlier)).merged_with(record), earlier

    def find_lowest_seq(self, first: int) -> int:
        """Return the lowest number reported by a waiting record from number `first` on, or `first` if it is lower."""
        return min([first, *(low for seq, low in self.first_reported.items() if seq >= first)])


EncodeGap = Callable[[int, MessageLoss], tuple[str, bytes]]
"""Makes a gap record from its number and the loss; returns topic and payload."""


class LossReporter:
    """Queues gap records."""

    def __init__(
        self,
        backlog: Backlog,
        numbers: SequenceNumbers,
        running_time: RunningTime,
        encode_gap: EncodeGap,
    ) -> None:
        """Take the parts of a spool.

        Args:
            backlog: the waiting messages.
            numbers: the sequence numbers.
            running_time: the time line of ages.
            encode_gap: makes gap records.
        """
        self.records = GapRecords()
        self._backlog = backlog
        self._numbers = numbers
        self._running_time = running_time
        self._encode_gap = encode_gap

    def report(self, loss: MessageLoss) -> None:
        """Queue a gap record; it replaces a waiting record of the same reason."""
        loss, replaced = self.records.merge(loss, self._backlog.in_flight)
        if replaced is not None:
            self._backlog.remove(replaced.seq)
            self.records.remove(replaced.seq)
        seq = self._numbers.allocate()
        topic, payload = self._encode_gap(seq, loss)
        encoded_loss = msgspec.json.encode(loss)
        record = SpoolItem(
            seq, Rank.GAP, topic, payload, self._running_time.read_ns(), encoded_loss
        )
        self._backlog.put(record)
        self.records.add(record)

    def report_dropped(self, reason: LossReason, victims: list[MessageSize]) -> None:
        """Remove messages that are given up, and queue a gap record of them.

        Args:
            reason: why they are given up.
            victims: their numbers and payload bytes.
        """
        for seq, _ in victims:
            self._backlog.remove(seq)
        ranges = merge_ranges((seq, seq) for seq, _ in victims)
        self.report(MessageLoss(reason, ranges, len(victims)))

    def report_unqueued(self, count: int) -> None:
        """Give numbers to `count` messages that were given up before they had one, and report these."""
        first = self._numbers.allocate()
        for _ in range(count - 1):
            self._numbers.allocate()
        self.report(MessageLoss("disk", ((first, first + count - 1),), count))

    def replace_rejected(self, seq: int) -> bool:
        """Replace a message that the broker will never accept by a gap record, and a gap record by one with half as many ranges.

        Returns:
            False if it is a gap record that has only one range, or that only a newer version can read; it keeps waiting.
        """
        rank = self._backlog.index.read_rank(seq)
        if rank is None:
            self._backlog.in_flight.pop(seq, None)
            return True
        loss = MessageLoss("rejected", ((seq, seq),), 1)
        if rank is Rank.GAP:
            record = self.records.find(seq)
            smaller = None if record is None else _make_smaller(record)
            if smaller is None:
                return False
            loss = smaller
        self._backlog.in_flight.pop(seq, None)
        self._backlog.remove(seq)
        self.records.remove(seq)
        self.report(loss)
        return True

    def report_suspects(self, suspects: SuspectNumbers | None) -> None:
        """Queue a gap record of those suspect numbers that do not wait in the spool."""
        if suspects is None:
            return
        waiting = self._backlog.index.iterate_after(suspects.first - 1)
        missing = find_missing(suspects.first, suspects.end, waiting)
        if missing:
            self.report(MessageLoss(suspects.reason, missing, None))


def _decode_loss(record: SpoolItem) -> MessageLoss:
    return msgspec.json.decode(record.loss or b"", type=MessageLoss)


def _make_smaller(record: SpoolItem) -> MessageLoss | None:
    """Return the loss that stands for a gap record above the broker's size limit; None if it has a single range."""
    loss = _decode_loss(record)
    if len(loss.ranges) == 1:
        return None
    smaller = loss.with_max_ranges(len(loss.ranges) // 2)
    return smaller.merged_with(MessageLoss(loss.reason, ((record.seq, record.seq),), 0))
