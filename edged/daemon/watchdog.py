"""Feeds systemd's watchdog while the daemon makes progress."""

import logging
from collections.abc import Callable

from edged.event_loop import EventLoop
from edged.host import systemd

_log = logging.getLogger(__name__)


class WatchdogFeeder:
    """Notifies the watchdog twice in its interval; without a watchdog, does nothing.

    A timer of the supervisor's loop does it, so a loop that hangs does not feed it. Nor do workers that are beyond recovery: then systemd
    restarts the service.
    """

    def __init__(
        self,
        notifier: systemd.Notifier,
        loop: EventLoop,
        find_unrecoverable_reason: Callable[[], str | None],
    ) -> None:
        """Feed nothing yet.

        Args:
            notifier: notifies systemd.
            loop: the supervisor's loop.
            find_unrecoverable_reason: returns why the daemon cannot recover by itself; None while it may.
        """
        self._notifier = notifier
        self._loop = loop
        self._find_unrecoverable_reason = find_unrecoverable_reason
        self._interval_s = systemd.watchdog_interval_s()

    def start(self) -> None:
        """Feed the watchdog now, and from now on."""
        if self._interval_s is None:
            return
        reason = self._find_unrecoverable_reason()
        if reason is None:
            self._notifier.notify_watchdog()
        else:
            _log.error("the watchdog is not fed: %s", reason)
        self._loop.call_later(self._interval_s / 2, self.start)
