"""The mapping of the broker's acknowledgements to messages."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edged.interfaces import Delivered

_MAX_LIVE = 256
"""Messages of QoS 0 that are remembered until a later message is acknowledged."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that was handed to paho.

    Attributes:
        topic: its topic.
        token: the caller's token, by which the outcome is reported; None if the caller does not need it.
        packet_bytes: the size of its packet.
        qos: 0 or 1, as it was sent.
    """

    topic: str
    token: int | None
    packet_bytes: int = 0
    qos: int = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """The broker's refusal of one message.

    Attributes:
        reason: its reason, in words.
        is_final: True if the broker will refuse the same message again, whatever its access rules and quotas are.
    """

    reason: str
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's answer to a message of QoS 1.

    Attributes:
        message: the message.
        refusal: why the broker refused it; None if it accepted it.
        monotonic_s: when the answer came, in seconds of the monotonic clock.
    """

    message: SentMessage
    refusal: Refusal | None
    monotonic_s: float


class Acknowledgements:
    """Matches acknowledgements and messages, in either order; thread-safe.

    paho returns a message's packet id only after it has queued the message, and the acknowledgement may have arrived by then.
    """

    def __init__(
        self,
        on_delivered: Callable[[Delivered], None],
        on_answer: Callable[[SentMessage, Refusal | None], None] = lambda *_: None,
    ) -> None:
        """Begin without messages.

        Args:
            on_delivered: called with the outcome of each message with a token.
            on_answer: called with each message of QoS 1 that the broker has answered, and with each of QoS 0 before it.
        """
        self._on_delivered = on_delivered
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._sent: dict[int, SentMessage] = {}
        self._early_acks: dict[int, Refusal | None] = {}
        self._unconfirmed: dict[int, SentMessage] = {}
        """Messages in the order in which they were sent, until the broker has answered them or, with QoS 0, a later one."""
        self._latest_answer: Answer | None = None

    def record_sent(self, packet_id: int, message: SentMessage) -> None:
        """Register a message that was queued with this packet id."""
        with self._lock:
            is_answered = packet_id in self._early_acks
            refusal = self._early_acks.pop(packet_id, None)
            if not is_answered:
                self._sent[packet_id] = message
            if not is_answered or not message.qos:
                self._remember(packet_id, message)
        if is_answered:
            self._answer(packet_id, message, refusal)

    def record_ack(self, packet_id: int, refusal: Refusal | None) -> None:
        """Register the broker's acknowledgement, or that a message of QoS 0 was written.

        Args:
            packet_id: paho's number of the message.
            refusal: why the broker refused the message; None if it accepted it.
        """
        with self._lock:
            sent = self._sent.pop(packet_id, None)
            if sent is None:
                self._early_acks[packet_id] = refusal
        if sent is not None:
            self._answer(packet_id, sent, refusal)

    @property
    def first_unconfirmed(self) -> SentMessage | None:
        """The first message of which it is unknown whether the broker accepted it; None if there is none."""
        with self._lock:
            return next(iter(self._unconfirmed.values()), None)

    def find_answer_since(self, monotonic_s: float) -> "Answer | None":
        """Return the latest answer, if it came after this monotonic time; otherwise None."""
        with self._lock:
            latest = self._latest_answer
        return latest if latest is not None and latest.monotonic_s >= monotonic_s else None

    def _remember(self, packet_id: int, message: SentMessage) -> None:
        self._unconfirmed[packet_id] = message
        if len(self._unconfirmed) > _MAX_LIVE:
            del self._unconfirmed[next(iter(self._unconfirmed))]

    def _answer(self, packet_id: int, message: SentMessage, refusal: Refusal | None) -> None:
        if message.qos:
            with self._lock:
                earlier = self._confirm_until(packet_id)
                self._latest_answer = Answer(message, refusal, time.monotonic())
            for one in earlier:
                self._on_answer(one, None)
            self._on_answer(message, refusal)
        self._report(message, refusal)

    def _confirm_until(self, packet_id: int) -> list[SentMessage]:
        """Forget a message, and those of QoS 0 that were sent before it, and return these: a broker reads packets in order."""
        confirmed: list[SentMessage] = []
        if packet_id not in self._unconfirmed:
            return confirmed
        for earlier, message in list(self._unconfirmed.items()):
            if earlier == packet_id:
                break
            if not message.qos:
                confirmed.append(self._unconfirmed.pop(earlier))
        del self._unconfirmed[packet_id]
        return confirmed

    def _report(self, message: SentMessage, refusal: Refusal | None) -> None:
        if message.token is not None:
            error = None if refusal is None else f"{message.topic}: {refusal.reason}"
            is_final = refusal is not None and refusal.is_final
            self._on_delivered(Delivered(message.token, error, is_final=is_final))
