"""What a publisher has learned of its broker over its connections."""

from collections.abc import Callable

from edged.interfaces import Delivered, Notice
from edged.publishers.mqtt_early_ends import MIN_ENDS, EarlyEnds, Suspicion
from edged.publishers.mqtt_held_topics import HeldTopics
from edged.publishers.mqtt_limits import LearnedLimits
from edged.publishers.mqtt_session_end import SessionEnd

_REFUSAL_CODES = {0x87, 0x90, 0x95, 0x97, 0x99}
"""Reasons of an end that blame one message: Not authorized, Topic name invalid, Packet too large, Quota exceeded, Payload format invalid."""


class BrokerMemory:
    """What is known of the broker.

    Attributes:
        held: the topics that are left out or held.
        early_ends: the messages behind which connections ended.
        learned: limits that refusals have shown.
    """

    def __init__(self, on_notice: Callable[[Notice], None]) -> None:
        """Know nothing yet.

        Args:
            on_notice: called with each `PublishLimited`, and with `Delivered` for a message at which the broker ends connections.
        """
        self.held = HeldTopics(on_notice)
        self.early_ends = EarlyEnds()
        self.learned = LearnedLimits()
        self._on_notice = on_notice

    def learn_from(self, end: SessionEnd, *, is_early: bool) -> None:
        """Find the message at which the broker ended the connection, and hold it.

        Args:
            end: how the connection ended.
            is_early: whether it ended soon after the broker had accepted it.
        """
        suspect = end.first_unconfirmed
        if end.reason_code is not None:
            packet_bytes = None if suspect is None else suspect.packet_bytes
            self.learned.learn(end.reason_code, packet_bytes)
        is_stated = end.reason_code in _REFUSAL_CODES
        if not (is_early or is_stated or end.is_unanswered):
            return
        answer = end.last_answer
        if answer is not None and answer.refusal is not None:
            return  # The refusal explains the end, and whoever sent the message knows of it.
        is_known = is_stated or (suspect is not None and self.held.is_held(suspect.topic))
        suspicion = self.early_ends.record_end(
            suspect,
            None if answer is None else answer.message,
            min_ends=1 if is_known else MIN_ENDS,
        )
        if suspicion is not None:
            self._hold(suspicion, is_closed=not end.is_unanswered)

    def _hold(self, suspicion: Suspicion, *, is_closed: bool) -> None:
        message, words = suspicion.message, suspicion.describe()
        is_final = suspicion.is_final and is_closed
        if message.token is None:
            self.held.hold(message.topic, words)
            return
        error = f"{message.topic}: {words}"
        if is_final:
            self.held.set_reason(message.topic, f"a message was given up: {words}")
        self._on_notice(Delivered(message.token, error, is_final=is_final))
