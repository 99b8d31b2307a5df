"""The waiting gap records.

At most one record of each reason waits outside the messages in flight, so that they stay few however long an outage lasts.
"""

from collections.abc import Container, Iterable

import msgspec

from edged.messaging.spool.loss import LossReason, MessageLoss
from edged.messaging.spool.store import SpoolItem


class GapRecords:
    """The newest gap record of each reason."""

    def __init__(self) -> None:
        self._newest: dict[LossReason, SpoolItem] = {}

    def restore(self, records: Iterable[SpoolItem]) -> None:
        """Load the records that the disk holds."""
        for record in records:
            self._newest.setdefault(_decode_loss(record).reason, record)

    def add(self, record: SpoolItem) -> None:
        """Note a record that was queued."""
        self._newest[_decode_loss(record).reason] = record

    def remove(self, seq: int) -> None:
        """Forget the record with number `seq`, if there is one: it has arrived."""
        self._newest = {reason: gap for reason, gap in self._newest.items() if gap.seq != seq}

    def clear(self) -> None:
        """Forget all records, because they were lost."""
        self._newest.clear()

    def merge(
        self, loss: MessageLoss, in_flight: Container[int]
    ) -> tuple[MessageLoss, SpoolItem | None]:
        """Join a loss with the waiting record of the same reason.

        Returns:
            The loss to report, and the record that it replaces, or None; the replaced record's own number is part of the loss.
        """
        earlier = self._newest.get(loss.reason)
        if earlier is None or earlier.seq in in_flight:
            return loss, None
        record = MessageLoss(loss.reason, ((earlier.seq, earlier.seq),), 0)
        return loss.merged_with(_decode_loss(earlier)).merged_with(record), earlier

    def find_lowest_seq(self, first_uncommitted: int) -> int:
        """Return the lowest number reported by a record from `first_uncommitted` on, or `first_uncommitted` if it is lower."""
        uncommitted = (gap for gap in self._newest.values() if gap.seq >= first_uncommitted)
        return min([first_uncommitted, *(_decode_loss(gap).ranges[0][0] for gap in uncommitted)])


def _decode_loss(record: SpoolItem) -> MessageLoss:
    return msgspec.json.decode(record.loss or b"", type=MessageLoss)
