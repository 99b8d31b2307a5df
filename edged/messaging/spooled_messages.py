"""The spooled messages on their way: in order, a few unacknowledged at a time, and paused while the broker refuses them."""

import logging
from collections.abc import Callable

from edged.clock import Clock
from edged.interfaces import Delivered, OutgoingMessage
from edged.messaging.refusal_backoff import RefusalBackoff
from edged.messaging.spool import Spool

_log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 20


class SpooledMessages:
    """Sends what the spool holds over the present connection."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        """Send nothing yet.

        Args:
            spool: the queue.
            clock: the clock of pauses.
        """
        self._spool = spool
        self._in_flight: set[int] = set()
        self._backoff = RefusalBackoff(clock)

    @property
    def refusal_reason(self) -> str | None:
        """Why the broker refuses messages, in words; None if it does not."""
        return self._backoff.reason

    @property
    def pause_s(self) -> float | None:
        """Seconds that are left of a pause; None if there is none."""
        return self._backoff.remaining_s

    def end_connection(self) -> None:
        """Take note that what was not acknowledged is to be sent again."""
        self._in_flight.clear()

    def begin_connection(self) -> None:
        """Begin again with the first message that is not acknowledged."""
        self._spool.rewind()

    def resume_if_due(self) -> None:
        """End a pause whose time is over."""
        if self._backoff.is_pause_over and not self._in_flight:
            self._backoff.resume()
            self._spool.rewind()

    def send(self, publish: Callable[[OutgoingMessage, int], bool]) -> bool:
        """Send what waits, as far as there is room; return False if the connection took one not, and is to be given up.

        Args:
            publish: sends a message with its token; returns False if it was not taken.
        """
        room = MAX_IN_FLIGHT - len(self._in_flight)
        if room <= 0 or self._backoff.is_paused:
            return True
        for item in self._spool.take_unsent(room):
            message = OutgoingMessage(topic=item.topic, payload=item.payload, qos=1)
            if not publish(message, item.seq):
                # After a lost connection the first message must be the first unacknowledged one, or the order would break.
                return False
            self._in_flight.add(item.seq)
        return True

    def record_outcome(self, delivered: Delivered) -> str | None:
        """Take the broker's answer to a message; return why it was refused, None if it was not."""
        token, error = delivered.token, delivered.error
        self._in_flight.discard(token)
        if not error:
            self._spool.ack(token)
            self._backoff.on_acceptance()
        elif delivered.is_final and self._spool.give_up(token):
            _log.error("a message is given up: %s", error)
        else:
            self._backoff.on_refusal(error)
        return error or None
