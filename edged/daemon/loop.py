"""The daemon's one thread of decisions: takes what happens from the inbox, one thing after the other.

It ends in one of three ways: SIGTERM or SIGINT; every camera was finite and has ended; or the workers are beyond help, and it leaves
it to systemd's watchdog, which it stops feeding, to start the service anew.
"""

import logging
import queue
import signal
from collections.abc import Callable
from contextlib import suppress

from edged.clock import NS_PER_S, Clock, Deadline
from edged.config.changes import needs_restart
from edged.config.settings import Settings
from edged.daemon.device_status import Telemetry
from edged.daemon.inbox import Inbox, Item, Signalled
from edged.daemon.system_sample import survey
from edged.daemon.vision_service import Lookout
from edged.errors import ConfigError
from edged.health import Conditions, Verdict
from edged.host import systemd
from edged.host.board import Board
from edged.interfaces import Delivered, Link, Received, Unheard
from edged.messaging.outbox import Outbox
from edged.updates.installer.messages import Finished, Progress
from edged.updates.service.control_socket import Asked
from edged.updates.service.service import Updates
from edged.vision.messages_in import Gone, Heard

_log = logging.getLogger(__name__)

TICK_S = 0.25
LAST_ANSWERS_S = 0.3
OUTBOX_CLOSE_S = 0.6
"""With the lookout's 0.7 s, SIGTERM to exit in under 2 s, even if nothing answers."""
DRAIN_S = 30.0
"""When all cameras have ended, the broker is given so long to take what is left; the rest stays in the spool."""
_CLOSING_S = 5.0
"""More than all the rest takes."""


class Supervisor:
    """Runs the parts that the composition root made."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        outbox: Outbox,
        lookout: Lookout,
        updates: Updates,
        telemetry: Telemetry,
        board: Board,
        reload: Callable[[], Settings],
        settings: Settings,
        conditions: Conditions,
        notifier: systemd.Notifier,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._lookout = lookout
        self._updates = updates
        self._telemetry = telemetry
        self._board = board
        self._reload_settings = reload
        self._started_with = self._settings = settings
        self._conditions = conditions
        self._notifier = notifier
        self._clock = clock
        self._watchdog_s = systemd.watchdog_interval_s()
        self._fed_ns = clock.monotonic_ns()
        self._ticked_ns = 0
        self._announced = False
        self._stop_reason = ""

    def run(self) -> None:
        """Until the end; then close everything down."""
        self._lookout.tick()  # first: the workers load while the rest comes up
        self._outbox.start()
        while not self._stop_reason:
            self._turn()
        _log.info("edged ends: %s", self._stop_reason)
        drain_s = DRAIN_S if self._lookout.all_ended else LAST_ANSWERS_S
        self._notifier.stopping(drain_s + _CLOSING_S)
        self._outbox.stopping()
        self._updates.stop()
        self._lookout.stop()
        self._take_what_is_left()
        self._lookout.end_all()
        self._telemetry.tell_health(self._lookout)
        self._drain(drain_s)
        left = self._outbox.spool_state().depth
        self._outbox.close(OUTBOX_CLOSE_S)
        if left:
            _log.info("%d messages were not acknowledged yet; the spool keeps them", left)

    def _turn(self) -> None:
        """One item, and what is due."""
        self._take_next()
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._ticked_ns >= TICK_S * NS_PER_S:
            self._ticked_ns = now_ns
            self._tick(now_ns)

    def _take_next(self) -> None:
        with suppress(queue.Empty):
            self._take(self._inbox.get(timeout=min(TICK_S, self._outbox.next_tick_s)))
        self._outbox.tick()

    def _take(self, item: Item) -> None:
        match item:
            case Heard():
                self._lookout.heard(item)
            case Gone():
                self._lookout.gone(item)
            case Link():
                self._outbox.on_link(item)
            case Delivered():
                self._outbox.on_delivered(item)
            case Unheard():
                self._outbox.on_unheard(item)
            case Received() | Asked() | Progress() | Finished():
                self._updates.take(item)
                self._lookout.follow(self._updates.choice)
            case Signalled(number=signal.SIGHUP):
                self._reload()
            case Signalled(number=number):
                self._stop_reason = signal.Signals(number).name

    def _tick(self, now_ns: int) -> None:
        self._lookout.follow(self._updates.tick(survey(self._lookout, self._board)))
        self._lookout.tick()
        self._watch_outbox(now_ns)
        self._telemetry.tick(self._lookout, self._updates.report(), self._settings)
        self._feed_watchdog(now_ns)
        if self._lookout.judged and not self._announced:
            self._announced = True
            self._notifier.ready(self._status())
        if self._lookout.all_ended:
            self._stop_reason = "every camera has ended"

    def _reload(self) -> None:
        """Carry out a SIGHUP; a configuration that cannot be used changes nothing."""
        now_ns = self._clock.monotonic_ns()
        self._notifier.reloading(now_ns)
        try:
            settings = self._reload_settings()
        except Exception as error:  # noqa: BLE001 - whatever a new configuration sets off, the old one runs on
            if not isinstance(error, ConfigError):
                _log.exception("reading the configuration failed")
            reason = f"the last good configuration runs on; the new one cannot be used:\n{error}"
            self._conditions.hold("config", reason, now_ns=now_ns)
            _log.error("%s", reason)
        else:
            self._conditions.clear("config")
            fixed = needs_restart(self._started_with, settings)
            if fixed:
                reason = f"takes effect only after a restart: {', '.join(fixed)}"
                self._conditions.hold("config.restart", reason, now_ns=now_ns)
            else:
                self._conditions.clear("config.restart")
            self._lookout.adopt(settings, self._updates.adopt(settings))
            self._telemetry.interval_s = settings.health.interval_s
            self._settings = settings
            _log.info("the configuration was read again")
        self._notifier.ready(self._status())

    def _watch_outbox(self, now_ns: int) -> None:
        """What the outbox has to complain of, as conditions."""
        for name, complaint in self._outbox.complaints().items():
            if not complaint:
                self._conditions.clear(name)
            elif self._conditions.hold(name, complaint, now_ns=now_ns):
                _log.warning("%s: %s", name, complaint)

    def _feed_watchdog(self, now_ns: int) -> None:
        """Fed by progress: a turn of this loop with workers that do their job, or can still be replaced."""
        if self._watchdog_s is None or now_ns - self._fed_ns < self._watchdog_s * NS_PER_S / 2:
            return
        hopeless = self._lookout.hopeless
        if hopeless:
            _log.error("the watchdog is not fed: %s", hopeless)
        else:
            self._notifier.watchdog()
        self._fed_ns = now_ns

    def _status(self) -> str:
        verdict = self._conditions.verdict
        reasons = "; ".join(c.name for c in self._conditions.held)
        return f"{verdict}: {reasons}" if verdict is not Verdict.OK else "looking"

    def _take_what_is_left(self) -> None:
        """The workers are gone: what they said before."""
        while not self._inbox.empty():
            self._take(self._inbox.get())

    def _drain(self, timeout_s: float) -> None:
        """Wait until the broker has taken everything."""
        deadline = Deadline(self._clock, timeout_s)
        self._stop_reason = ""
        while not (self._outbox.spool_state().depth == 0 or deadline.expired or self._stop_reason):
            self._take_next()
