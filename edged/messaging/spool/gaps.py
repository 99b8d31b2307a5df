"""The gap records that wait: at most one a reason that is not on its way, so that they stay few however long an outage lasts."""

from collections.abc import Container, Iterable

import msgspec

from edged.messaging.spool.loss import Loss, Reason
from edged.messaging.spool.store import Item


class Gaps:
    """Knows the newest gap record of each reason."""

    def __init__(self) -> None:
        self._newest: dict[Reason, Item] = {}

    def restore(self, records: Iterable[Item]) -> None:
        """Take in what the disk holds."""
        for record in records:
            self._newest.setdefault(_loss(record).reason, record)

    def add(self, record: Item) -> None:
        """A record was queued."""
        self._newest[_loss(record).reason] = record

    def forget(self, seq: int) -> None:
        """A message has arrived; it may have been a gap record."""
        self._newest = {why: gap for why, gap in self._newest.items() if gap.seq != seq}

    def clear(self) -> None:
        """All records are lost."""
        self._newest.clear()

    def absorb(self, loss: Loss, on_their_way: Container[int]) -> tuple[Loss, Item | None]:
        """Join a loss with the record of the same reason that still waits.

        Returns:
            What is to be told, and the record that is to be taken out, if there is one; its number is in what is told.
        """
        earlier = self._newest.get(loss.reason)
        if earlier is None or earlier.seq in on_their_way:
            return loss, None
        record = Loss(loss.reason, ((earlier.seq, earlier.seq),), 0)
        return loss.joined(_loss(earlier)).joined(record), earlier

    def lowest(self, first_fresh: int) -> int:
        """The lowest number that a record from `first_fresh` on tells of, or `first_fresh` itself."""
        fresh = (gap for gap in self._newest.values() if gap.seq >= first_fresh)
        return min([first_fresh, *(_loss(gap).ranges[0][0] for gap in fresh)])


def _loss(record: Item) -> Loss:
    return msgspec.json.decode(record.loss or b"", type=Loss)
