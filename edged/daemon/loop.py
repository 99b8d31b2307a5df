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
from edged.config.changes import keys_needing_restart
from edged.config.settings import Settings
from edged.daemon.device_status import DeviceStatusReporter
from edged.daemon.inbox import Inbox, InboxItem, SignalReceived
from edged.daemon.system_sample import take_system_sample
from edged.daemon.vision_service import VisionService
from edged.errors import ConfigError
from edged.health import ConditionKind, Conditions, Severity
from edged.host import systemd
from edged.host.board import Board
from edged.interfaces import Delivered, LinkChanged, MessageReceived, SubscriptionRefused
from edged.messaging.outbox import Outbox
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.service import UpdateService
from edged.vision.worker_events import WorkerExited, WorkerMessage

_log = logging.getLogger(__name__)

TICK_S = 0.25
SHUTDOWN_DRAIN_TIMEOUT_S = 0.3
OUTBOX_CLOSE_TIMEOUT_S = 0.6
"""With the lookout's 0.7 s, SIGTERM to exit in under 2 s, even if nothing answers."""
DRAIN_TIMEOUT_S = 30.0
"""When all cameras have ended, the broker is given so long to take what is left; the rest stays in the spool."""
_CLOSE_MARGIN_S = 5.0
"""More than all the rest takes."""


class Supervisor:
    """Runs the parts that the composition root made."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        outbox: Outbox,
        vision: VisionService,
        updates: UpdateService,
        device_status: DeviceStatusReporter,
        board: Board,
        reload_settings: Callable[[], Settings],
        settings: Settings,
        conditions: Conditions,
        notifier: systemd.Notifier,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._vision = vision
        self._updates = updates
        self._device_status = device_status
        self._board = board
        self._reload_settings = reload_settings
        self._startup_settings = self._settings = settings
        self._conditions = conditions
        self._notifier = notifier
        self._clock = clock
        self._watchdog_s = systemd.watchdog_interval_s()
        self._watchdog_fed_ns = clock.monotonic_ns()
        self._last_tick_ns = 0
        self._is_ready_announced = False
        self._stop_reason = ""

    def run(self) -> None:
        """Until the end; then close everything down."""
        self._vision.tick()  # first: the workers load while the rest comes up
        self._outbox.start()
        while not self._stop_reason:
            self._run_once()
        _log.info("edged ends: %s", self._stop_reason)
        drain_s = DRAIN_TIMEOUT_S if self._vision.all_cameras_ended else SHUTDOWN_DRAIN_TIMEOUT_S
        self._notifier.notify_stopping(drain_s + _CLOSE_MARGIN_S)
        self._outbox.announce_stopping()
        self._updates.stop()
        self._vision.stop()
        self._drain_inbox()
        self._vision.end_all_objects()
        self._device_status.publish_health(self._vision)
        self._drain_outbox(drain_s)
        left = self._outbox.spool_state().depth
        self._outbox.close(OUTBOX_CLOSE_TIMEOUT_S)
        if left:
            _log.info("%d messages were not acknowledged yet; the spool keeps them", left)

    def _run_once(self) -> None:
        """One item, and what is due."""
        self._process_next()
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._last_tick_ns >= TICK_S * NS_PER_S:
            self._last_tick_ns = now_ns
            self._tick(now_ns)

    def _process_next(self) -> None:
        with suppress(queue.Empty):
            self._dispatch(self._inbox.get(timeout=min(TICK_S, self._outbox.next_tick_s)))
        self._outbox.tick()

    def _dispatch(self, item: InboxItem) -> None:
        match item:
            case WorkerMessage():
                self._vision.on_worker_message(item)
            case WorkerExited():
                self._vision.on_worker_exit(item)
            case LinkChanged():
                self._outbox.on_link(item)
            case Delivered():
                self._outbox.on_delivered(item)
            case SubscriptionRefused():
                self._outbox.on_subscription_refused(item)
            case (
                MessageReceived() | PendingControlRequest() | InstallProgress() | InstallFinished()
            ):
                self._updates.process_message(item)
                self._vision.set_active_model(self._updates.active_model)
            case SignalReceived(number=signal.SIGHUP):
                self._reload()
            case SignalReceived(number=number):
                self._stop_reason = signal.Signals(number).name

    def _tick(self, now_ns: int) -> None:
        self._vision.set_active_model(
            self._updates.tick(take_system_sample(self._vision, self._board))
        )
        self._vision.tick()
        self._update_outbox_conditions(now_ns)
        self._device_status.tick(self._vision, self._updates.build_status_report(), self._settings)
        self._feed_watchdog(now_ns)
        if self._vision.is_startup_complete and not self._is_ready_announced:
            self._is_ready_announced = True
            self._notifier.notify_ready(self._format_status())
        if self._vision.all_cameras_ended:
            self._stop_reason = "every camera has ended"

    def _reload(self) -> None:
        """Carry out a SIGHUP; a configuration that cannot be used changes nothing."""
        now_ns = self._clock.monotonic_ns()
        self._notifier.notify_reloading(now_ns)
        try:
            settings = self._reload_settings()
        except Exception as error:  # noqa: BLE001 - whatever a new configuration sets off, the old one runs on
            if not isinstance(error, ConfigError):
                _log.exception("reading the configuration failed")
            reason = f"the last good configuration runs on; the new one cannot be used:\n{error}"
            self._conditions.set(ConditionKind.CONFIG, reason, now_ns=now_ns)
            _log.error("%s", reason)
        else:
            self._conditions.clear(ConditionKind.CONFIG)
            fixed = keys_needing_restart(self._startup_settings, settings)
            if fixed:
                reason = f"takes effect only after a restart: {', '.join(fixed)}"
                self._conditions.set(ConditionKind.CONFIG_RESTART, reason, now_ns=now_ns)
            else:
                self._conditions.clear(ConditionKind.CONFIG_RESTART)
            self._vision.apply_settings(settings, self._updates.apply_settings(settings))
            self._device_status.interval_s = settings.health.interval_s
            self._settings = settings
            _log.info("the configuration was read again")
        self._notifier.notify_ready(self._format_status())

    def _update_outbox_conditions(self, now_ns: int) -> None:
        """What the outbox has to complain of, as conditions."""
        for name, complaint in self._outbox.list_problems().items():
            kind = ConditionKind(name)
            if not complaint:
                self._conditions.clear(kind)
            elif self._conditions.set(kind, complaint, now_ns=now_ns):
                _log.warning("%s: %s", name, complaint)

    def _feed_watchdog(self, now_ns: int) -> None:
        """Fed by progress: a turn of this loop with workers that do their job, or can still be replaced."""
        if (
            self._watchdog_s is None
            or now_ns - self._watchdog_fed_ns < self._watchdog_s * NS_PER_S / 2
        ):
            return
        hopeless = self._vision.unrecoverable_reason
        if hopeless:
            _log.error("the watchdog is not fed: %s", hopeless)
        else:
            self._notifier.notify_watchdog()
        self._watchdog_fed_ns = now_ns

    def _format_status(self) -> str:
        verdict = self._conditions.overall_severity
        reasons = "; ".join(c.name for c in self._conditions.active)
        return f"{verdict}: {reasons}" if verdict is not Severity.OK else "running"

    def _drain_inbox(self) -> None:
        """The workers are gone: what they said before."""
        while not self._inbox.empty():
            self._dispatch(self._inbox.get())

    def _drain_outbox(self, timeout_s: float) -> None:
        """Wait until the broker has taken everything."""
        deadline = Deadline(self._clock, timeout_s)
        self._stop_reason = ""
        while not (self._outbox.spool_state().depth == 0 or deadline.expired or self._stop_reason):
            self._process_next()
