"""The back-off after the broker has refused a message."""

import logging

from edged.clock import Clock, Deadline

_MIN_PAUSE_S = 5.0
_MAX_PAUSE_S = 300.0

_log = logging.getLogger(__name__)


class RefusalBackoff:
    """A pause after a refusal; it doubles with each further refusal without a success between, up to five minutes."""

    def __init__(self, clock: Clock) -> None:
        self.reason: str | None = None
        """The broker's reason while it refuses messages; None if it does not."""
        self._clock = clock
        self._pause_s = 0.0
        self._pause: Deadline | None = None

    @property
    def is_paused(self) -> bool:
        """True while no spooled message may be published."""
        return self._pause is not None

    @property
    def is_pause_over(self) -> bool:
        """True when the pause has lasted long enough."""
        return self._pause is not None and self._pause.expired

    @property
    def remaining_s(self) -> float | None:
        """Remaining pause in seconds; None without a pause."""
        return None if self._pause is None else self._pause.remaining_s

    def on_refusal(self, reason: str) -> None:
        """Start a pause; messages that were in flight together count as one refusal."""
        if reason != self.reason:
            _log.warning("the broker refuses messages; they stay queued: %s", reason)
        self.reason = reason
        if self._pause is None:
            self._pause_s = min(max(_MIN_PAUSE_S, 2 * self._pause_s), _MAX_PAUSE_S)
            self._pause = Deadline(self._clock, self._pause_s)

    def on_acceptance(self) -> None:
        """Reset the back-off, unless the accepted message was in flight with a refused one."""
        if self._pause is None:
            self.reason, self._pause_s = None, 0.0

    def resume(self) -> None:
        """End the pause, so that messages are retried."""
        self._pause = None
