"""The supervisor: the one thread that decides, in the callbacks of its event loop. Nothing that it calls waits.

It ends in one of three ways: on SIGTERM or SIGINT; when every camera was finite and has ended; or, if replacing workers does not help
any more, by systemd's watchdog, which it then stops feeding, so that systemd restarts the service.
"""

import logging
import signal
from collections.abc import Callable
from functools import partial

from edged.clock import Clock, Deadline
from edged.config.settings import Settings
from edged.daemon.device_status import DeviceStatusReporter
from edged.daemon.disk_monitor import DiskMonitor
from edged.daemon.inbox import (
    Inbox,
    InboxItem,
    ReloadRequested,
    RestartRequested,
    SignalReceived,
)
from edged.daemon.message_router import MessageRouter
from edged.daemon.optional_parts import OptionalParts
from edged.daemon.reload import ConfigReloader
from edged.daemon.switches import Switches
from edged.daemon.system_sample import take_system_sample
from edged.daemon.unsent_messages import log_waiting
from edged.daemon.vision_service import VisionService
from edged.daemon.watchdog import WatchdogFeeder
from edged.event_loop import EventLoop, Timer
from edged.health import ConditionKind, Conditions, Severity
from edged.host import systemd
from edged.host.board import Board
from edged.interfaces import ConsumerClosed, MessageReceived
from edged.messaging.contract.messages import OnlineStatus
from edged.messaging.outbox import Outbox
from edged.updates.installer.messages import InstallFinished, InstallProgress
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.service import UpdateService
from edged.vision.active_model import ActiveModel

_log = logging.getLogger(__name__)

MakeReloader = Callable[[Callable[[Settings | None], object]], ConfigReloader]

TICK_S = 0.25
SHUTDOWN_DRAIN_TIMEOUT_S = 0.3
STOP_TIMEOUT_S = 0.7
"""For the workers, which have 0.6 s of it, and for the acknowledgement of the last events."""
MIN_DRAIN_S = 0.1
"""The broker has at least this time after the workers' end; what it does not acknowledge, stays in the spool."""
OUTBOX_CLOSE_TIMEOUT_S = 0.5
STORE_STOP_TIMEOUT_S = 0.2
"""SIGTERM to exit in under 2 s, even if nothing answers and the processor is busy: with `STOP_TIMEOUT_S`, 0.8 s are left for the disks and Python's own end."""
DRAIN_TIMEOUT_S = 30.0
"""When all cameras have ended, the broker has this time to take the rest; what it does not take stays in the spool."""
_CLOSE_MARGIN_S = 5.0
"""More than the rest of the end takes."""
_MAX_STOP_WAIT_S = 0.02


class Supervisor:
    """Runs the parts that the composition root made."""

    def __init__(
        self,
        *,
        loop: EventLoop,
        inbox: Inbox,
        messages: MessageRouter,
        outbox: Outbox,
        vision: VisionService,
        updates: UpdateService,
        switches: Switches,
        options: OptionalParts,
        device_status: DeviceStatusReporter,
        disks: DiskMonitor,
        board: Board,
        make_reloader: MakeReloader,
        conditions: Conditions,
        notifier: systemd.Notifier,
        clock: Clock,
    ) -> None:
        """Start nothing yet: `run` does.

        Args:
            loop: the loop that runs everything.
            inbox: what happens beside the frames.
            messages: hands on what the publisher has received.
            outbox: everything that is published.
            vision: workers and cameras.
            updates: model updates.
            switches: the configuration in use.
            options: what the configuration asks for beside the main job.
            device_status: reports on the device itself.
            disks: watches the disks.
            board: the host's hardware.
            make_reloader: makes the reader of the configuration on SIGHUP, from the function that takes what it has read.
            conditions: the active conditions.
            notifier: notifies systemd.
            clock: the clock of all times.
        """
        self._loop = loop
        inbox.set_receiver(self._dispatch)
        self._messages = messages
        self._outbox = outbox
        self._vision = vision
        self._updates = updates
        self._switches = switches
        self._options = options
        self._device_status = device_status
        self._disks = disks
        self._board = board
        self._reloader = make_reloader(self._on_settings_read)
        self._conditions = conditions
        self._notifier = notifier
        self._clock = clock
        self._watchdog = WatchdogFeeder(notifier, loop, lambda: vision.unrecoverable_reason)
        self._tick_timer: Timer | None = None
        self._is_ready_announced = False
        self._stop_reason: str | None = None
        self._is_restart_requested = False

    def run(self) -> bool:
        """Process what happens until the daemon ends, then close everything down; return whether it is to start again."""
        # First: the workers load while the rest comes up.
        self._updates.start(self._set_active_model)
        self._outbox.start()
        self._watchdog.start()
        self._on_tick_due()
        while not self._stop_reason:
            self._process_next()
        self._end(self._stop_reason)
        return self._is_restart_requested

    def _end(self, stop_reason: str) -> None:
        _log.info("edged stops: %s", stop_reason)
        drain_s = DRAIN_TIMEOUT_S if self._vision.all_cameras_ended else SHUTDOWN_DRAIN_TIMEOUT_S
        self._notifier.notify_stopping(drain_s + _CLOSE_MARGIN_S)
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        deadline = Deadline(self._clock, STOP_TIMEOUT_S)
        self._outbox.retain(OnlineStatus(status="stopping"))
        self._updates.begin_stop()
        self._vision.stop()
        while not (self._vision.has_stopped or deadline.expired):
            self._process_next(_MAX_STOP_WAIT_S)
            self._vision.tick()
        self._vision.end_all_objects()
        if not self._vision.all_cameras_ended:
            drain_s = min(drain_s, max(deadline.remaining_s, MIN_DRAIN_S))
        self._drain_outbox(drain_s)
        spool = self._outbox.spool_state()
        final = self._device_status.make_final_health(self._vision, stop_reason)
        lost_count = self._outbox.close(OUTBOX_CLOSE_TIMEOUT_S, [final])
        self._updates.finish_stop(STORE_STOP_TIMEOUT_S)
        log_waiting(spool, lost_count)

    def _process_next(self, max_wait_s: float = TICK_S) -> None:
        """Process what happens next: descriptors, calls and timers, then what is due in the outbox."""
        self._loop.run_once(min(max_wait_s, self._outbox.next_tick_s))
        self._outbox.tick()

    def _dispatch(self, item: InboxItem) -> None:
        match item:
            case ConsumerClosed(reason=reason):
                self._stop_reason = reason
            case MessageReceived():
                self._messages.route(item)
            case PendingControlRequest() | InstallProgress() | InstallFinished():
                self._updates.process_message(item)
            case SignalReceived(number=signal.SIGHUP):
                self._notifier.notify_reloading(self._clock.monotonic_ns())
                self._reloader.request()
            case ReloadRequested(on_reloaded=on_reloaded):
                self._notifier.notify_reloading(self._clock.monotonic_ns())
                self._reloader.request(on_reloaded)
            case RestartRequested():
                self._is_restart_requested = True
                self._stop_reason = "a command asks for a restart"
            case SignalReceived(number=number):
                self._stop_reason = signal.Signals(number).name

    def _on_tick_due(self) -> None:
        self._tick_timer = self._loop.call_later(TICK_S, self._on_tick_due)
        self._disks.tick()
        self._updates.tick(take_system_sample(self._vision, self._board, self._disks.obstacle))
        if self._updates.is_model_known:
            self._vision.tick()
        self._update_outbox_conditions(self._clock.monotonic_ns())
        self._device_status.tick(
            self._vision, self._updates.build_status_report(), self._switches.settings
        )
        self._options.tick()
        is_started = self._vision.is_startup_complete or self._updates.is_store_silent
        if is_started and not self._is_ready_announced:
            self._is_ready_announced = True
            self._notifier.notify_ready(self._format_status())
        if self._vision.all_cameras_ended:
            self._stop_reason = "every camera has ended"

    def _on_settings_read(self, settings: Settings | None) -> None:
        """Use what a reload has read; an invalid configuration changes nothing."""
        if settings is None:
            self._notifier.notify_ready(self._format_status())
        else:
            self._updates.apply_settings(settings, partial(self._apply_settings, settings))

    def _apply_settings(self, settings: Settings, active_model: ActiveModel) -> None:
        """End a reload, now that the active model is known."""
        in_use = self._switches.set_file_settings(settings)
        self._vision.apply_settings(in_use, active_model)
        self._options.apply_settings(in_use)
        self._notifier.notify_ready(self._format_status())

    def _set_active_model(self, active_model: ActiveModel) -> None:
        """Run this model; the first one starts the workers."""
        self._vision.set_active_model(active_model)
        self._vision.tick()

    def _update_outbox_conditions(self, now_ns: int) -> None:
        """Set or clear the conditions of the outbox."""
        for name, problem in self._outbox.list_problems().items():
            kind = ConditionKind(name)
            if not problem:
                self._conditions.clear(kind)
            elif self._conditions.set(kind, problem, now_ns=now_ns):
                _log.warning("%s: %s", name, problem)

    def _format_status(self) -> str:
        severity = self._conditions.overall_severity
        names = "; ".join(condition.name for condition in self._conditions.active)
        return f"{severity}: {names}" if severity is not Severity.OK else "running"

    def _drain_outbox(self, timeout_s: float) -> None:
        """Wait until the broker has acknowledged everything, the time is up, or a signal comes."""
        deadline = Deadline(self._clock, timeout_s)
        self._stop_reason = None
        while not (self._outbox.spool_state().depth == 0 or deadline.expired or self._stop_reason):
            self._process_next(_MAX_STOP_WAIT_S)
