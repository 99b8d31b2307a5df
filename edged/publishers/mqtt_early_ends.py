"""Rules that find the message at which a broker ends connections.

MQTT 3.1.1 has no limits that a broker could announce and no reason for an end, and some MQTT 5 brokers give none either: the broker
closes the connection at a message that it does not accept. A message that is published on every connection then ends every
connection. It is found by repetition: most brokers read packets in order, so it is the first one without an answer, or, if the
broker answers before it closes (mosquitto 2.0.11 does, if its `max_queued_messages` is 0), the last one with an answer.
"""

from dataclasses import dataclass

from edged.publishers.mqtt_acknowledgements import SentMessage

MIN_ENDS = 3
"""Ends behind the same message before it is held."""
_MIN_ENDS_FINAL = 5
"""Ends behind the same message before it is given up, if its size explains them."""

_Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A message at which the broker ends connections.

    Attributes:
        message: the message.
        ends: how many connections in succession have ended at it.
        is_final: True if smaller messages on its topic were accepted, so that its size must be the reason.
    """

    message: SentMessage
    ends: int
    is_final: bool

    def describe(self) -> str:
        """Return the suspicion in words, without the topic."""
        size = f" of {self.message.packet_bytes} bytes" if self.message.packet_bytes else ""
        return f"the broker ended {self.ends} connections at this message{size}"


class EarlyEnds:
    """Counts the connections that ended behind each message."""

    def __init__(self) -> None:
        self._counts: dict[_Key, int] = {}
        self._max_accepted: dict[str, int] = {}
        """Packet bytes of the largest accepted message, by topic."""

    def record_accepted(self, message: SentMessage) -> None:
        """Take note of a message that the broker has accepted."""
        largest = max(message.packet_bytes, self._max_accepted.get(message.topic, 0))
        self._max_accepted[message.topic] = largest

    def record_end(
        self, unanswered: SentMessage | None, answered: SentMessage | None, *, min_ends: int
    ) -> Suspicion | None:
        """Take note that a connection ended early, and return the message that is to blame; None while that is open.

        Args:
            unanswered: the first message that the broker has not answered; None if there is none.
            answered: the message that the broker answered just before the end; None if there is none.
            min_ends: how many ends in succession make a suspicion.
        """
        suspects = [message for message in (unanswered, answered) if message is not None]
        self._counts = {_key(one): self._counts.get(_key(one), 0) + 1 for one in suspects}
        worst = max(suspects, key=lambda one: self._counts[_key(one)], default=None)
        if worst is None or self._counts[_key(worst)] < min_ends:
            return None
        ends = self._counts[_key(worst)]
        accepted = self._max_accepted.get(worst.topic)
        explains = accepted is not None and worst.packet_bytes > accepted
        return Suspicion(worst, ends, is_final=explains and ends >= _MIN_ENDS_FINAL)


def _key(message: SentMessage) -> _Key:
    return message.topic, message.token
