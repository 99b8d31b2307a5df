"""Rules for which messages the spool gives up: those that expired, and the least important ones when it is full."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from itertools import chain

from edged.messaging.spool.backlog import Backlog
from edged.messaging.spool.index import MessageIndex, MessageSize
from edged.messaging.spool.item import Rank

_TARGET_FILL = 0.9
"""Fill level of a full spool after it made room: giving up a tenth at once keeps gap records few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionLimits:
    """The limits of one spool. Messages in flight are never given up.

    Attributes:
        max_bytes: payload bytes on disk and in memory together.
        max_memory_bytes: payload bytes that only memory holds.
        max_age_ns: running time after which a message expires.
    """

    max_bytes: int
    max_memory_bytes: int
    max_age_ns: int

    def select_expired(
        self, index: MessageIndex, in_flight: Container[int], running_ns: int
    ) -> list[MessageSize]:
        """Return the messages that are too old.

        Args:
            index: all messages.
            in_flight: sequence numbers of the messages in flight.
            running_ns: the running time until now.
        """
        old = index.list_created_before(running_ns - self.max_age_ns)
        return [pair for pair in old if pair[0] not in in_flight]

    def select_excess(self, index: MessageIndex, in_flight: Container[int]) -> list[MessageSize]:
        """Return the messages to give up because the spool is full; none if it is not."""
        if index.size_bytes <= self.max_bytes:
            return []
        excess = index.size_bytes - int(self.max_bytes * _TARGET_FILL)
        return _select_victims(index.iterate_sizes, excess, in_flight)

    def select_memory_excess(
        self, backlog: Backlog, in_flight: Container[int]
    ) -> list[MessageSize]:
        """Return the messages to give up because memory is full while the disk fails or is silent; none if it is not."""
        if backlog.uncommitted_bytes <= self.max_memory_bytes:
            return []
        excess = backlog.uncommitted_bytes - int(self.max_memory_bytes * _TARGET_FILL)
        return _select_victims(backlog.iterate_fresh_sizes, excess, in_flight)


def _select_victims(
    sizes: Callable[[Rank], Iterable[MessageSize]], excess: int, in_flight: Container[int]
) -> list[MessageSize]:
    """Select messages of `excess` bytes in total: the least important ones, of these the oldest; never gap records."""
    victims: list[MessageSize] = []
    for seq, size in chain.from_iterable(sizes(rank) for rank in (Rank.UPDATE, Rank.EVENT)):
        if excess <= 0:
            break
        if seq not in in_flight:
            victims.append((seq, size))
            excess -= size
    return victims
