"""The live messages that the publisher does not take at present: the newest of each topic waits, and only for a second."""

from collections.abc import Callable

from edged.clock import NS_PER_S, Clock
from edged.interfaces import OutgoingMessage

_MAX_AGE_NS = NS_PER_S
"""An older one describes a scene that has passed; subscribers want the next."""


class LiveMessages:
    """What waits for the publisher, and how much was dropped."""

    def __init__(self, clock: Clock) -> None:
        """Begin without messages.

        Args:
            clock: the clock of ages.
        """
        self._clock = clock
        self._waiting: dict[str, tuple[int, OutgoingMessage]] = {}
        """The newest message of each topic, with the monotonic time in nanoseconds when it was put here."""
        self.dropped_count = 0
        """Messages that were dropped since the start."""

    @property
    def has_waiting(self) -> bool:
        """Whether messages wait."""
        return bool(self._waiting)

    def hold(self, message: OutgoingMessage) -> None:
        """Let a message wait in place of the earlier one of its topic."""
        if self._waiting.pop(message.topic, None) is not None:
            self.dropped_count += 1
        self._waiting[message.topic] = (self._clock.monotonic_ns(), message)

    def send(self, publish: Callable[[OutgoingMessage], bool]) -> None:
        """Send what waits and is not too old, in the order in which it came, until one is not taken.

        Args:
            publish: sends a message; returns False if it was not taken.
        """
        oldest_ns = self._clock.monotonic_ns() - _MAX_AGE_NS
        for topic, (since_ns, message) in list(self._waiting.items()):
            if since_ns < oldest_ns:
                self.dropped_count += 1
            elif not publish(message):
                return
            del self._waiting[topic]

    def drop(self) -> None:
        """Drop what waits, because the connection was lost."""
        self.dropped_count += len(self._waiting)
        self._waiting.clear()
