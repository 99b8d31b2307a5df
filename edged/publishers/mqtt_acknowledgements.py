"""The mapping of the broker's acknowledgements to messages."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edged.interfaces import Delivered

_MAX_LIVE = 256
"""Messages of QoS 0 that are remembered until a later message is acknowledged."""


class SentMessage(msgspec.Struct, frozen=True):
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
    """Matches acknowledgements and messages."""

    def __init__(
        self,
        on_delivered: Callable[[Delivered], None],
        on_answer: Callable[[SentMessage, Refusal | None], None] = lambda *_: None,
    ) -> None:
        """Begin without messages.

        Args:
            on_delivered: called with the outcome of each message with a token.
            on_answer: called with each message of QoS 1 that the broker has answered, and before it with one of QoS 0 of each topic
                that was sent before it.
        """
        self._on_delivered = on_delivered
        self._on_answer = on_answer
        self._unanswered: dict[int, SentMessage] = {}
        """Messages of QoS 1, by paho's number."""
        self._unconfirmed: deque[SentMessage] = deque()
        """Messages in the order in which they were sent, until the broker has answered them or, with QoS 0, a later one."""
        self._unwritten_tokens: list[int] = []
        self._latest_answer: Answer | None = None

    def record_sent(self, packet_id: int, message: SentMessage) -> None:
        """Register a message that was queued under paho's number `packet_id`."""
        if message.qos:
            self._unanswered[packet_id] = message
        elif message.token is not None:
            self._unwritten_tokens.append(message.token)
        self.record_live(message)

    def record_live(self, message: SentMessage) -> None:
        """Register a message of QoS 0 without a token, which has no number."""
        self._unconfirmed.append(message)
        if len(self._unconfirmed) > _MAX_LIVE:
            self._unconfirmed.popleft()

    @property
    def has_unwritten(self) -> bool:
        """Whether there are messages of QoS 0 with a token that `take_written` has not returned."""
        return bool(self._unwritten_tokens)

    def take_written(self) -> list[int]:
        """Return the tokens of the messages of QoS 0, which get no answer; call it when everything is written."""
        tokens, self._unwritten_tokens = self._unwritten_tokens, []
        return tokens

    def record_ack(self, packet_id: int, refusal: Refusal | None) -> None:
        """Register the broker's answer to a message of QoS 1; one to an unknown number is ignored.

        Args:
            packet_id: paho's number of the message.
            refusal: why the broker refused the message; None if it accepted it.
        """
        message = self._unanswered.pop(packet_id, None)
        if message is None:
            return
        self._latest_answer = Answer(message, refusal, time.monotonic())
        for earlier in self._confirm_until(message):
            self._on_answer(earlier, None)
        self._on_answer(message, refusal)
        if message.token is not None:
            error = None if refusal is None else f"{message.topic}: {refusal.reason}"
            is_final = refusal is not None and refusal.is_final
            self._on_delivered(Delivered(message.token, error, is_final=is_final))

    def is_answered(self, packet_id: int) -> bool:
        """Return whether the message of this number has its answer, or gets none."""
        return packet_id not in self._unanswered

    @property
    def first_unconfirmed(self) -> SentMessage | None:
        """The first message of which it is unknown whether the broker accepted it; None if there is none."""
        return self._unconfirmed[0] if self._unconfirmed else None

    def find_answer_since(self, monotonic_s: float) -> "Answer | None":
        """Return the latest answer, if it came after this monotonic time; otherwise None."""
        latest = self._latest_answer
        return latest if latest is not None and latest.monotonic_s >= monotonic_s else None

    def _confirm_until(self, message: SentMessage) -> list[SentMessage]:
        """Forget a message, and those of QoS 0 before it; return one of these for each topic: a broker reads packets in order."""
        unconfirmed, confirmed = self._unconfirmed, dict[str, SentMessage]()
        unanswered: list[SentMessage] = []
        if not any(message is one for one in unconfirmed):
            return []
        while (earlier := unconfirmed.popleft()) is not message:
            if earlier.qos:
                unanswered.append(earlier)
            else:
                confirmed[earlier.topic] = earlier
        unconfirmed.extendleft(reversed(unanswered))
        return list(confirmed.values())
