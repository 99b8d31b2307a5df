"""Feeds systemd's watchdog while the daemon makes progress."""

import logging

from edged.clock import NS_PER_S, Clock
from edged.host import systemd

_log = logging.getLogger(__name__)


class WatchdogFeeder:
    """Notifies the watchdog twice in its interval; without a watchdog, does nothing.

    It is called from the supervisor's loop, so a loop that hangs does not feed it. Nor do workers that are beyond recovery: then systemd restarts
    the service.
    """

    def __init__(self, notifier: systemd.Notifier, clock: Clock) -> None:
        self._notifier = notifier
        self._clock = clock
        self._interval_s = systemd.watchdog_interval_s()
        self._fed_ns = clock.monotonic_ns()

    def tick(self, unrecoverable_reason: str | None) -> None:
        """Feed the watchdog if it is time, unless there is a reason why the daemon cannot recover by itself."""
        now_ns = self._clock.monotonic_ns()
        if self._interval_s is None or now_ns - self._fed_ns < self._interval_s * NS_PER_S / 2:
            return
        if unrecoverable_reason is None:
            self._notifier.notify_watchdog()
        else:
            _log.error("the watchdog is not fed: %s", unrecoverable_reason)
        self._fed_ns = now_ns
