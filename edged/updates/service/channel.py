"""What the update channel says, as it comes in: nobody has looked into it yet. The topic is retained: an old word comes back."""

import logging

from edged.clock import NS_PER_S, Clock
from edged.config.settings import UpdateSettings
from edged.messaging.contract.model import ChannelState
from edged.updates.rules.desired import is_stale

_log = logging.getLogger(__name__)
MOST_WORD_BYTES = 65_536


class Channel:
    """Keeps the latest word until somebody reads it, and knows for how long there was no news."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._word = b""
        self._read = b""
        """The one that was taken last: when the broker says it again it is no news."""
        self._again_ns = 0
        self._sequence = 0
        self._refresh_h = 0.0
        self._fresh_ns = clock.monotonic_ns()

    def hear(self, envelope: bytes) -> None:
        """The channel has said this."""
        if len(envelope) > MOST_WORD_BYTES:
            _log.warning(
                "%d bytes on the update channel: %d are allowed", len(envelope), MOST_WORD_BYTES
            )
        elif envelope and envelope != self._read:
            self._word = envelope

    @property
    def waiting(self) -> bool:
        """Whether there is a word that nobody has read, or that is to be read again."""
        if not self._word and self._again_ns and self._clock.monotonic_ns() >= self._again_ns:
            self._word = self._read
        return bool(self._word)

    def take(self) -> bytes:
        """The latest word."""
        self._read, self._word, self._again_ns = self._word, b"", 0
        return self._read

    def again(self, pause_s: float) -> None:
        """What was taken could not be followed: it may be after a pause, when the disk or the trust file has been mended."""
        self._again_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)

    def followed(self, sequence: int, refresh_h: float) -> None:
        """A word of this number was signed as it must be, is the latest that was followed, and promised the next within so many hours."""
        if sequence > self._sequence:
            self._sequence, self._refresh_h = sequence, refresh_h
            self._fresh_ns = self._clock.monotonic_ns()

    def state(self, settings: UpdateSettings) -> ChannelState | None:
        """For `up/model`; None where no channel is followed."""
        if not settings.channel:
            return None
        age_s = (self._clock.monotonic_ns() - self._fresh_ns) / NS_PER_S
        return ChannelState(
            sequence=self._sequence,
            stale=is_stale(age_s, stale_h=settings.stale_h, refresh_h=self._refresh_h),
            age_s=age_s // 3600 * 3600,
        )
