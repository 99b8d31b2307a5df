"""The payloads of stored messages that are handed out next, so that sending does not wait for the disk."""

from collections.abc import Iterable, Iterator

from edged.messaging.spool.item import SpoolItem

_MAX_BYTES = 256 * 2**10
"""Payload bytes of committed messages that stay in memory: several hundred events."""


class PayloadCache:
    """Stored messages in memory: all that were not handed out, up to the number `end`."""

    def __init__(self) -> None:
        self.end = -1
        """No stored message up to this number, and not handed out, is missing here."""
        self.size_bytes = 0
        """Payload bytes of the messages."""
        self._items: dict[int, SpoolItem] = {}

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self._items)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the numbers, in no order."""
        return iter(self._items)

    def take(self, seq: int) -> SpoolItem | None:
        """Remove a message and return it; None if it is not in memory."""
        item = self._items.pop(seq, None)
        if item is not None:
            self.size_bytes -= len(item.payload)
        return item

    def add(self, items: Iterable[SpoolItem], end: int) -> None:
        """Add the stored messages up to the number `end`."""
        for item in items:
            if item.seq not in self._items:
                self._items[item.seq] = item
                self.size_bytes += len(item.payload)
        self.end = max(self.end, end)

    def offer(self, item: SpoolItem) -> bool:
        """Add the stored message that follows those before `end`; return False if there is no room."""
        if self.size_bytes + len(item.payload) > _MAX_BYTES:
            return False
        self.add((item,), item.seq)
        return True

    def clear(self) -> None:
        """Forget all messages."""
        self._items.clear()
        self.size_bytes, self.end = 0, -1
