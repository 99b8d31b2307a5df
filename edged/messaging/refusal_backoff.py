"""When to try again what the broker has refused."""

import logging

from edged.clock import Clock, Deadline

_MIN_PAUSE_S = 5.0
_MAX_PAUSE_S = 300.0

_log = logging.getLogger(__name__)


class RefusalBackoff:
    """A pause after a refusal; each further refusal without a success between doubles it, up to five minutes."""

    def __init__(self, clock: Clock) -> None:
        self.reason = ""
        """Why messages are refused at present; "" if they are not."""
        self._clock = clock
        self._pause_s = 0.0
        self._pause: Deadline | None = None

    @property
    def is_paused(self) -> bool:
        """Whether nothing is to be sent now."""
        return self._pause is not None

    @property
    def is_pause_over(self) -> bool:
        """Whether the pause has lasted long enough."""
        return self._pause is not None and self._pause.expired

    @property
    def remaining_s(self) -> float | None:
        """Seconds until it has; None without a pause."""
        return None if self._pause is None else self._pause.remaining_s

    def on_refusal(self, reason: str) -> None:
        """A message was refused; those that were on their way with it count as one refusal."""
        if reason != self.reason:
            _log.warning("messages are refused and kept: %s", reason)
        self.reason = reason
        if self._pause is None:
            self._pause_s = min(max(_MIN_PAUSE_S, 2 * self._pause_s), _MAX_PAUSE_S)
            self._pause = Deadline(self._clock, self._pause_s)

    def on_acceptance(self) -> None:
        """A message was accepted: the next refusal is a first one, unless this was one of those on their way."""
        if self._pause is None:
            self.reason, self._pause_s = "", 0.0

    def resume(self) -> None:
        """Try again now."""
        self._pause = None
