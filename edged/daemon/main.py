"""The composition root: makes every part of the daemon, and hands each what it needs."""

import logging
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edged import logs
from edged.clock import Clock, SystemClock, read_clock_quality
from edged.config.load import load_config
from edged.config.settings import Settings
from edged.daemon.device_status import DeviceStatusReporter
from edged.daemon.inbox import Inbox, SignalReceived
from edged.daemon.loop import Supervisor
from edged.daemon.reload import ConfigReloader
from edged.daemon.signals import SignalCatcher
from edged.daemon.status_files import StatusFiles, runtime_dir
from edged.daemon.vision_service import VisionService
from edged.disk_thread import DiskThread
from edged.event_loop import EventLoop
from edged.health import Conditions
from edged.host import systemd
from edged.host.board import Board
from edged.host.paths import device_name, drop_folder, model_store_dir, state_dir
from edged.messaging.contract.header import Identity, Stamper, rfc3339
from edged.messaging.contract.topics import Topics
from edged.messaging.open_outbox import open_outbox
from edged.messaging.outbox import Outbox
from edged.updates.installer.messages import InstallJob
from edged.updates.installer.process import InstallerProcess
from edged.updates.service.control_socket import ControlServer
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.model_control import open_store
from edged.updates.service.repository import ModelRepository
from edged.updates.service.service import UpdateService
from edged.updates.service.store_steps import StoreSteps
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Core:
    """The parts that most others share."""

    clock: Clock
    board: Board
    loop: EventLoop
    inbox: Inbox
    conditions: Conditions
    stamper: Stamper


def run(config: Path, signals: SignalCatcher) -> int:
    """Run the daemon until it ends.

    Args:
        config: the configuration file.
        signals: catches the process's signals already; one that ends the daemon may have arrived.

    Returns:
        0: a signal ended it, or every camera was finite and has ended.

    Raises:
        ConfigError: the configuration is invalid, or the state directory cannot be written.
        SpoolError: another daemon uses the state directory.
        EdgedError: systemd expects notifications that cannot be sent.
    """
    settings = _read_settings(config)
    if signals.is_stop_requested:
        return 0
    clock = SystemClock()
    with EventLoop(clock) as loop:
        _run_parts(config, settings, _make_core(settings, clock, loop), signals)
    return 0


def _run_parts(config: Path, settings: Settings, core: _Core, signals: SignalCatcher) -> None:
    """Make the parts, and run the daemon until it ends."""
    notifier = systemd.Notifier()
    outbox = _make_outbox(settings, core)
    trial = TrialMonitor(core.clock)
    updates = _make_update_service(settings, core, trial)
    control = ControlServer(state_dir(settings), core.inbox.put)
    control.start()
    status_files = StatusFiles(runtime_dir())
    supervisor = Supervisor(
        settings,
        loop=core.loop,
        inbox=core.inbox,
        outbox=outbox,
        vision=_make_vision_service(settings, core, outbox, updates, trial),
        updates=updates,
        device_status=DeviceStatusReporter(
            board=core.board,
            clock=core.clock,
            stamper=core.stamper,
            outbox=outbox,
            conditions=core.conditions,
            state_dir=state_dir(settings),
            status_files=status_files,
        ),
        board=core.board,
        reloader=ConfigReloader(
            settings,
            read_settings=lambda: _read_settings(config),
            conditions=core.conditions,
            clock=core.clock,
        ),
        conditions=core.conditions,
        notifier=notifier,
        clock=core.clock,
    )
    signals.hand_on(lambda number: core.inbox.put(SignalReceived(number)))
    supervisor.run()
    control.close()
    status_files.clear()


def _read_settings(config: Path) -> Settings:
    loaded = load_config(config)
    logs.configure(loaded.settings.log.level)
    for warning in loaded.warnings:
        _log.warning("%s", warning)
    return loaded.settings


def _make_core(settings: Settings, clock: Clock, loop: EventLoop) -> _Core:
    board = Board()
    identity = Identity(
        device=device_name(settings), boot=board.read_boot_id(), session=secrets.token_hex(4)
    )
    # This file's modification time is a lower bound for the current time.
    floor_ns = Path(__file__).stat().st_mtime_ns
    return _Core(
        clock=clock,
        board=board,
        loop=loop,
        inbox=Inbox(loop),
        conditions=Conditions(),
        stamper=Stamper(identity, clock, partial(read_clock_quality, clock, floor_ns)),
    )


def _make_outbox(settings: Settings, core: _Core) -> Outbox:
    desired_topic = Topics(core.stamper.identity.device).desired
    return open_outbox(
        settings,
        stamper=core.stamper,
        state_dir=state_dir(settings),
        clock=core.clock,
        loop=core.loop,
        notify=core.inbox.put,
        subscriptions=(desired_topic,) if settings.updates.channel else (),
    )


def _make_update_service(settings: Settings, core: _Core, trial: TrialMonitor) -> UpdateService:
    lock = StoreLock(model_store_dir(settings))

    def start_installer(settings: Settings, desired_envelope: bytes) -> InstallerProcess:
        job = InstallJob(
            store_root=model_store_dir(settings),
            model=settings.model,
            updates=settings.updates,
            desired_envelope=desired_envelope,
        )
        process = InstallerProcess(job, lock_descriptor=lock.descriptor, on_message=core.inbox.put)
        return process.start()

    steps = StoreSteps(
        ModelRepository(open_store(settings), settings, now=lambda: rfc3339(core.clock.wall_ns())),
        lock=lock,
        drop_folder=DropFolder(drop_folder(settings)),
        boot_id=core.stamper.identity.boot,
    )
    return UpdateService(
        steps,
        disk=DiskThread("model-store", clock=core.clock, post=core.loop.call_soon),
        settings=settings,
        trial_monitor=trial,
        conditions=core.conditions,
        clock=core.clock,
        start_installer=start_installer,
    )


def _make_vision_service(
    settings: Settings, core: _Core, outbox: Outbox, updates: UpdateService, trial: TrialMonitor
) -> VisionService:
    return VisionService(
        settings,
        updates.active_model,
        inbox=core.inbox,
        outbox=outbox,
        conditions=core.conditions,
        stamper=core.stamper,
        clock=core.clock,
        listener=trial,
    )
