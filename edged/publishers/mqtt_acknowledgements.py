"""Which answer of the broker belongs to which message."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edged.interfaces import Delivered

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that was handed to paho.

    Attributes:
        topic: where it goes.
        token: whoever gave it wants to know the outcome; None if not.
    """

    topic: str
    token: int | None


class Acknowledgements:
    """Brings the two together, in whichever order they come; from any thread.

    paho tells a message's packet number only when it has taken the message, and the answer may be there by then.
    """

    def __init__(self, on_delivered: Callable[[Delivered], None]) -> None:
        self._on_delivered = on_delivered
        self._lock = threading.Lock()
        self._sent: dict[int, SentMessage] = {}
        self._early_acks: dict[int, str] = {}
        self._logged_refusals: set[tuple[str, str]] = set()

    def record_sent(self, packet_id: int, message: SentMessage) -> None:
        """A message was taken, and has this packet number."""
        with self._lock:
            reason = self._early_acks.pop(packet_id, None)
            if reason is None:
                self._sent[packet_id] = message
        if reason is not None:
            self._report(message, reason)

    def record_ack(self, packet_id: int, reason: str) -> None:
        """The broker has answered; `reason` is "" if it took the message."""
        with self._lock:
            sent = self._sent.pop(packet_id, None)
            if sent is None:
                self._early_acks[packet_id] = reason
        if sent is not None:
            self._report(sent, reason)

    def _report(self, message: SentMessage, reason: str) -> None:
        error = f"{message.topic}: {reason}" if reason else ""
        if message.token is not None:
            self._on_delivered(Delivered(message.token, error))
        elif reason and (message.topic, reason) not in self._logged_refusals:
            self._logged_refusals.add((message.topic, reason))
            _log.warning("mqtt: the broker refuses %s: check its access rules", error)
