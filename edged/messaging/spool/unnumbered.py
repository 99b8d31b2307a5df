"""Messages that wait for their numbers, because the disk has not answered yet what the earlier runs have used."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edged.messaging.spool.item import Rank

_MAX_COUNT = 2000
"""About a megabyte of events; a minute of a busy scene."""


@dataclass(slots=True)
class UnnumberedMessage:
    """A message without a number.

    Attributes:
        rank: its importance.
        topic: where to publish it.
        encode: makes the payload from the message's number.
        dropped_before: how many messages were given up between the one before and this one.
    """

    rank: Rank
    topic: str
    encode: Callable[[int], bytes]
    dropped_before: int = 0


class UnnumberedMessages:
    """A bounded queue; what is given up is counted in its place, so that it gets numbers and a gap record."""

    def __init__(self) -> None:
        self._messages: deque[UnnumberedMessage] = deque()
        self._dropped_count = 0
        self._dropped_at_end = 0

    def __len__(self) -> int:
        """Return the number of messages, those that were given up included."""
        return len(self._messages) + self._dropped_count

    def put(self, message: UnnumberedMessage) -> None:
        """Add a message; the least important one is given up if there are too many, and of these the oldest."""
        message.dropped_before, self._dropped_at_end = self._dropped_at_end, 0
        self._messages.append(message)
        if len(self._messages) > _MAX_COUNT:
            self._drop(self._messages.index(min(self._messages, key=lambda one: one.rank)))

    def take(self) -> tuple[list[UnnumberedMessage], int]:
        """Return all messages, and how many were given up after the last of them; nothing is left."""
        taken, dropped = list(self._messages), self._dropped_at_end
        self._messages.clear()
        self._dropped_count = self._dropped_at_end = 0
        return taken, dropped

    def _drop(self, at: int) -> None:
        count = self._messages[at].dropped_before + 1
        if at + 1 < len(self._messages):
            self._messages[at + 1].dropped_before += count
        else:
            self._dropped_at_end += count
        del self._messages[at]
        self._dropped_count += 1
