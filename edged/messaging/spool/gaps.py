"""The gap records that wait: at most one a reason that is not on its way, so that they stay few however long an outage lasts."""

from collections.abc import Container, Iterable

import msgspec

from edged.messaging.spool.loss import LossReason, MessageLoss
from edged.messaging.spool.store import SpoolItem


class GapRecords:
    """Knows the newest gap record of each reason."""

    def __init__(self) -> None:
        self._newest: dict[LossReason, SpoolItem] = {}

    def restore(self, records: Iterable[SpoolItem]) -> None:
        """Take in what the disk holds."""
        for record in records:
            self._newest.setdefault(_decode_loss(record).reason, record)

    def add(self, record: SpoolItem) -> None:
        """A record was queued."""
        self._newest[_decode_loss(record).reason] = record

    def remove(self, seq: int) -> None:
        """A message has arrived; it may have been a gap record."""
        self._newest = {why: gap for why, gap in self._newest.items() if gap.seq != seq}

    def clear(self) -> None:
        """All records are lost."""
        self._newest.clear()

    def merge(
        self, loss: MessageLoss, in_flight: Container[int]
    ) -> tuple[MessageLoss, SpoolItem | None]:
        """Join a loss with the record of the same reason that still waits.

        Returns:
            What is to be told, and the record that is to be taken out, if there is one; its number is in what is told.
        """
        earlier = self._newest.get(loss.reason)
        if earlier is None or earlier.seq in in_flight:
            return loss, None
        record = MessageLoss(loss.reason, ((earlier.seq, earlier.seq),), 0)
        return loss.merged_with(_decode_loss(earlier)).merged_with(record), earlier

    def find_lowest_seq(self, first_uncommitted: int) -> int:
        """The lowest number that a record from `first_uncommitted` on tells of, or `first_uncommitted` itself."""
        fresh = (gap for gap in self._newest.values() if gap.seq >= first_uncommitted)
        return min([first_uncommitted, *(_decode_loss(gap).ranges[0][0] for gap in fresh)])


def _decode_loss(record: SpoolItem) -> MessageLoss:
    return msgspec.json.decode(record.loss or b"", type=MessageLoss)
