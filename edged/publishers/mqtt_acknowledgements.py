"""The mapping of the broker's acknowledgements to messages."""

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
        topic: its topic.
        token: the caller's token, by which the outcome is reported; None if the caller does not need it.
    """

    topic: str
    token: int | None


class Acknowledgements:
    """Matches acknowledgements and messages, in either order; thread-safe.

    paho returns a message's packet id only after it has queued the message, and the acknowledgement may have arrived by then.
    """

    def __init__(self, on_delivered: Callable[[Delivered], None]) -> None:
        self._on_delivered = on_delivered
        self._lock = threading.Lock()
        self._sent: dict[int, SentMessage] = {}
        self._early_acks: dict[int, str | None] = {}
        self._logged_refusals: set[tuple[str, str]] = set()

    def record_sent(self, packet_id: int, message: SentMessage) -> None:
        """Register a message that was queued with this packet id."""
        with self._lock:
            if packet_id not in self._early_acks:
                self._sent[packet_id] = message
                return
            refusal = self._early_acks.pop(packet_id)
        self._report(message, refusal)

    def record_ack(self, packet_id: int, refusal: str | None) -> None:
        """Register the broker's acknowledgement; `refusal` is the reason if it refused the message, otherwise None."""
        with self._lock:
            sent = self._sent.pop(packet_id, None)
            if sent is None:
                self._early_acks[packet_id] = refusal
        if sent is not None:
            self._report(sent, refusal)

    def _report(self, message: SentMessage, refusal: str | None) -> None:
        if message.token is not None:
            error = None if refusal is None else f"{message.topic}: {refusal}"
            self._on_delivered(Delivered(message.token, error))
        elif refusal is not None and (message.topic, refusal) not in self._logged_refusals:
            self._logged_refusals.add((message.topic, refusal))
            _log.warning(
                "mqtt: the broker refused a message on %s: %s; check the broker's access rules",
                message.topic,
                refusal,
            )
