"""What the update channel says, as it comes in: nobody has looked into it yet. The topic is retained: an old word comes back."""

import logging

from edged.clock import NS_PER_S, Clock
from edged.config.settings import UpdateSettings
from edged.messaging.contract.model import ChannelState
from edged.updates.rules.desired import is_stale

_log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 65_536


class UpdateChannel:
    """Keeps the latest word until somebody reads it, and knows for how long there was no news."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending_message = b""
        self._last_message = b""
        """The one that was taken last: when the broker says it again it is no news."""
        self._retry_due_ns = 0
        self._sequence = 0
        self._refresh_h = 0.0
        self._last_update_ns = clock.monotonic_ns()

    def receive(self, envelope: bytes) -> None:
        """The channel has said this."""
        if len(envelope) > MAX_MESSAGE_BYTES:
            _log.warning(
                "%d bytes on the update channel: %d are allowed", len(envelope), MAX_MESSAGE_BYTES
            )
        elif envelope and envelope != self._last_message:
            self._pending_message = envelope

    @property
    def has_message(self) -> bool:
        """Whether there is a word that nobody has read, or that is to be read again."""
        if (
            not self._pending_message
            and self._retry_due_ns
            and self._clock.monotonic_ns() >= self._retry_due_ns
        ):
            self._pending_message = self._last_message
        return bool(self._pending_message)

    def take_message(self) -> bytes:
        """The latest word."""
        self._last_message, self._pending_message, self._retry_due_ns = (
            self._pending_message,
            b"",
            0,
        )
        return self._last_message

    def retry_after(self, pause_s: float) -> None:
        """What was taken could not be followed: it may be after a pause, when the disk or the trust file has been mended."""
        self._retry_due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)

    def record_followed(self, sequence: int, refresh_h: float) -> None:
        """A word of this number was signed as it must be, is the latest that was followed, and promised the next within so many hours."""
        if sequence > self._sequence:
            self._sequence, self._refresh_h = sequence, refresh_h
            self._last_update_ns = self._clock.monotonic_ns()

    def state(self, settings: UpdateSettings) -> ChannelState | None:
        """For `up/model`; None where no channel is followed."""
        if not settings.channel:
            return None
        age_s = (self._clock.monotonic_ns() - self._last_update_ns) / NS_PER_S
        return ChannelState(
            sequence=self._sequence,
            stale=is_stale(age_s, stale_h=settings.stale_h, refresh_h=self._refresh_h),
            age_s=age_s // 3600 * 3600,
        )
