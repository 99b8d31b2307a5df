"""Which answer of the broker belongs to which message."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edged.interfaces import Delivered

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was handed to paho.

    Attributes:
        topic: where it goes.
        token: whoever gave it wants to know the outcome; None if not.
    """

    topic: str
    token: int | None


class Answers:
    """Brings the two together, in whichever order they come; from any thread.

    paho tells a message's packet number only when it has taken the message, and the answer may be there by then.
    """

    def __init__(self, on_delivered: Callable[[Delivered], None]) -> None:
        self._on_delivered = on_delivered
        self._lock = threading.Lock()
        self._sent: dict[int, Sent] = {}
        self._early: dict[int, str] = {}
        self._refusals: set[tuple[str, str]] = set()

    def sent(self, packet: int, sent: Sent) -> None:
        """A message was taken, and has this packet number."""
        with self._lock:
            reason = self._early.pop(packet, None)
            if reason is None:
                self._sent[packet] = sent
        if reason is not None:
            self._tell(sent, reason)

    def answered(self, packet: int, reason: str) -> None:
        """The broker has answered; `reason` is "" if it took the message."""
        with self._lock:
            sent = self._sent.pop(packet, None)
            if sent is None:
                self._early[packet] = reason
        if sent is not None:
            self._tell(sent, reason)

    def _tell(self, sent: Sent, reason: str) -> None:
        error = f"{sent.topic}: {reason}" if reason else ""
        if sent.token is not None:
            self._on_delivered(Delivered(sent.token, error))
        elif reason and (sent.topic, reason) not in self._refusals:
            self._refusals.add((sent.topic, reason))
            _log.warning("mqtt: the broker refuses %s: check its access rules", error)
