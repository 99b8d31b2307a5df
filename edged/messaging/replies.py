"""Replies to commands on their way: each is sent once, as soon as the publisher takes it."""

from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from edged.clock import Clock, Deadline
from edged.interfaces import OutgoingMessage

_MAX_WAITING = 1024
_MAX_AGE_S = 60.0
"""Whoever has not got a reply by then asks again, and is answered again."""


class PendingReplies:
    """The replies that the publisher has not taken yet, oldest first; old ones are dropped."""

    def __init__(self, clock: Clock) -> None:
        """Begin without replies.

        Args:
            clock: the clock of ages.
        """
        self._clock = clock
        self._waiting: deque[tuple[Deadline, OutgoingMessage]] = deque(maxlen=_MAX_WAITING)

    def add(
        self, message: OutgoingMessage, response_topic: str | None, correlation: bytes | None
    ) -> None:
        """Let a reply wait; call `send` then.

        Args:
            message: the reply on the device's own topic.
            response_topic: the topic that the sender of the command has named; None if there is none.
            correlation: what the reply on that topic carries.
        """
        deadline = Deadline(self._clock, _MAX_AGE_S)
        self._waiting.append((deadline, message))
        if response_topic is not None:
            copy = replace(message, topic=response_topic, correlation=correlation)
            self._waiting.append((deadline, copy))

    def send(self, publish: Callable[[OutgoingMessage], bool]) -> None:
        """Send what waits, until one is not taken.

        Args:
            publish: sends a message; returns False if it was not taken.
        """
        while self._waiting:
            deadline, message = self._waiting[0]
            if not (deadline.expired or publish(message)):
                return
            self._waiting.popleft()
