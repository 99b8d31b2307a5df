"""Which messages a publisher leaves out, and why.

A message above a limit that the broker has announced is left out. A message that the broker refuses, or at which it ends the connection, is held
for a pause, and then tried again; the pause doubles. The messages that the spool holds are not held here: their queue has a pause of its own.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from edged.clock import Clock, Deadline, SystemClock
from edged.interfaces import OutgoingMessage, PublishLimited

_MIN_PAUSE_S = 5.0
_MAX_PAUSE_S = 300.0
_MAX_SUBJECTS = 64
"""The oldest beyond them are forgotten: the pictures of each object have a topic of their own."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Hold:
    """A topic whose messages are held.

    Attributes:
        pause_s: length of the present pause.
        pause: its end.
        newest: the newest retained message that was held, to be sent after the pause; None if there is none.
    """

    pause_s: float
    pause: Deadline
    newest: OutgoingMessage | None = None


class HeldTopics:
    """The topics whose messages are left out or held. It outlives the connections."""

    def __init__(
        self, on_notice: Callable[[PublishLimited], None], clock: Clock | None = None
    ) -> None:
        """Hold nothing yet.

        Args:
            on_notice: called when a reason begins, changes or ends.
            clock: the clock of the pauses; the system's if not given.
        """
        self._on_notice = on_notice
        self._clock = clock or SystemClock()
        self._holds: dict[str, _Hold] = {}
        self._reasons: dict[str, str] = {}
        self._stale: set[str] = set()

    def begin_connection(self) -> None:
        """Take note of a new connection: its limits may be others."""
        self._stale = set(self._reasons) - set(self._holds)

    def end_birth(self) -> None:
        """Take note that the birth messages are queued: reasons that did not appear again have ended."""
        ended, self._stale = self._stale, set()
        for subject in ended:
            self.clear_reason(subject)

    def set_reason(self, subject: str, reason: str) -> None:
        """Report that messages are left out or weakened.

        Args:
            subject: a topic, or the name of a limit.
            reason: why, in words.
        """
        self._stale.discard(subject)
        if self._reasons.get(subject) == reason:
            return
        is_new = subject not in self._reasons
        if is_new and len(self._reasons) >= _MAX_SUBJECTS:
            self.release(next(iter(self._reasons)))
        self._reasons[subject] = reason
        if is_new:
            _log.warning("mqtt: %s: %s", subject, reason)
        self._on_notice(PublishLimited(subject, reason))

    def clear_reason(self, subject: str) -> None:
        """Report that a reason has ended."""
        if self._reasons.pop(subject, None) is None:
            return
        _log.info("mqtt: %s: no longer limited", subject)
        self._on_notice(PublishLimited(subject, None))

    def hold(self, topic: str, reason: str, newest: OutgoingMessage | None = None) -> None:
        """Hold the messages of a topic for a pause, twice as long as the one before.

        Args:
            topic: the topic.
            reason: why, in words.
            newest: the retained message to send after the pause; None if every new connection hands it over anyway.
        """
        before = self._holds.get(topic)
        pause_s = _MIN_PAUSE_S if before is None else min(2 * before.pause_s, _MAX_PAUSE_S)
        self._holds[topic] = _Hold(pause_s, Deadline(self._clock, pause_s), newest)
        self.set_reason(topic, f"{reason}; it is held back, and tried again after a pause")

    def keep(self, message: OutgoingMessage) -> bool:
        """Return whether the message is held for now; a retained one is kept for the end of the pause."""
        hold = self._holds.get(message.topic)
        if hold is None or hold.pause.expired:
            return False
        if message.retain:
            hold.newest = message
        return True

    def is_held(self, topic: str) -> bool:
        """Return whether a topic is held, or its message is being tried again."""
        return topic in self._holds

    def is_paused(self, topic: str) -> bool:
        """Return whether a topic is held, and its pause is not over."""
        hold = self._holds.get(topic)
        return hold is not None and not hold.pause.expired

    def release(self, topic: str) -> None:
        """Take note that the broker has accepted a message of a topic."""
        self._holds.pop(topic, None)
        self.clear_reason(topic)

    def take_due(self) -> list[OutgoingMessage]:
        """Return the kept messages whose pause is over."""
        due = [hold for hold in self._holds.values() if hold.pause.expired]
        messages = [hold.newest for hold in due if hold.newest is not None]
        for hold in due:
            hold.newest = None
        return messages
