"""Receives the messages of the update channel, without verifying them. The topic is retained: an old message can come again."""

import logging

from edged.clock import NS_PER_S, Clock
from edged.config.settings import UpdateSettings
from edged.messaging.contract.model import ChannelState
from edged.updates.rules.desired import is_stale

_log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 65_536


class UpdateChannel:
    """Keeps the latest message until it is read, and measures the time since the last new one."""

    def __init__(self, clock: Clock) -> None:
        """Start without a message.

        Args:
            clock: for durations.
        """
        self._clock = clock
        self._pending_message: bytes | None = None
        self._last_message: bytes | None = None
        """The message that was taken last; the same one again is not new."""
        self._retry_due_ns: int | None = None
        self._sequence = 0
        self._refresh_h = 0.0
        self._last_update_ns = clock.monotonic_ns()

    def receive(self, envelope: bytes) -> None:
        """Keep a message, unless it is empty, too large, or not new."""
        if len(envelope) > MAX_MESSAGE_BYTES:
            _log.warning(
                "a message of %d bytes on the update channel is ignored: %d bytes are allowed",
                len(envelope),
                MAX_MESSAGE_BYTES,
            )
        elif envelope and envelope != self._last_message:
            self._pending_message = envelope

    def take_message(self) -> bytes | None:
        """Return the latest message that was not read yet, or that is to be read again now; None if there is none."""
        now_ns = self._clock.monotonic_ns()
        if self._pending_message is not None:
            self._last_message, self._pending_message = self._pending_message, None
        elif self._retry_due_ns is None or now_ns < self._retry_due_ns:
            return None
        self._retry_due_ns = None
        return self._last_message

    def retry_after(self, pause_s: float) -> None:
        """Read the message that was taken last again after a pause: the disk or the trust file may be repaired by then."""
        self._retry_due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)

    def record_followed(self, sequence: int, refresh_h: float) -> None:
        """Note the sequence of the latest message that was followed, and within how many hours it promised the next one."""
        if sequence > self._sequence:
            self._sequence, self._refresh_h = sequence, refresh_h
            self._last_update_ns = self._clock.monotonic_ns()

    def state(self, settings: UpdateSettings) -> ChannelState | None:
        """Return the state for `up/model`; None if the device follows no channel."""
        if not settings.channel:
            return None
        age_s = (self._clock.monotonic_ns() - self._last_update_ns) / NS_PER_S
        return ChannelState(
            sequence=self._sequence,
            stale=is_stale(age_s, stale_h=settings.stale_h, refresh_h=self._refresh_h),
            age_s=age_s // 3600 * 3600,
        )
