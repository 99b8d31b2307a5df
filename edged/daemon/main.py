"""The composition root: makes every part of the daemon, and hands each what it needs."""

import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edged.clock import SystemClock
from edged.config.load import load_config
from edged.config.settings import Settings
from edged.daemon.core import Core, make_core
from edged.daemon.device_status import DeviceStatusReporter
from edged.daemon.disk_monitor import DiskMonitor
from edged.daemon.inbox import SignalReceived
from edged.daemon.lag_monitor import LagMonitor
from edged.daemon.loop import Supervisor
from edged.daemon.main_parts import MainParts
from edged.daemon.make_options import make_optional_parts, read_switched
from edged.daemon.open_pictures import open_picture_service
from edged.daemon.optional_parts import OptionalParts
from edged.daemon.reload import ConfigReloader
from edged.daemon.signals import SignalCatcher
from edged.daemon.status_files import StatusFiles, runtime_dir
from edged.daemon.subscriptions import list_subscriptions
from edged.daemon.switches import Switches
from edged.daemon.vision_service import VisionService
from edged.event_loop import EventLoop
from edged.health import ConditionReporter
from edged.host import systemd
from edged.host.paths import drop_folder, model_store_dir, state_dir
from edged.messaging.contract.header import rfc3339
from edged.messaging.contract.topics import Topics
from edged.messaging.open_outbox import open_outbox
from edged.messaging.outbox import Outbox
from edged.updates.installer.messages import InstallJob
from edged.updates.installer.process import InstallerProcess
from edged.updates.service.control_server import ControlServer
from edged.updates.service.drop_folder import DropFolder
from edged.updates.service.model_control import open_store
from edged.updates.service.repository import ModelRepository
from edged.updates.service.service import UpdateService
from edged.updates.service.store_steps import StoreSteps
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock
from edged.vision.spare_workers import SpareWorkers

_FILES_FINISH_TIMEOUT_S = 0.1
"""For the end of the control socket's file; a silent disk does not hold up the daemon's end."""


def run_daemon(
    config: Path, settings: Settings, signals: SignalCatcher, spares: SpareWorkers
) -> bool:
    """Run the daemon until it ends; return whether it is to start again.

    Args:
        config: the configuration file, which is read again on SIGHUP.
        settings: what it says now.
        signals: catches the process's signals already.
        spares: processes for the workers' first runs.

    Raises:
        ConfigError: the state directory cannot be written.
        SpoolError: another daemon uses the state directory.
        EdgedError: systemd expects notifications that cannot be sent.
    """
    clock = SystemClock()
    with EventLoop(clock) as loop:
        return _run_parts(config, settings, make_core(settings, clock, loop, spares), signals)


def _run_parts(config: Path, settings: Settings, core: Core, signals: SignalCatcher) -> bool:
    """Make the parts, and run the daemon until it ends; return whether it is to start again."""
    switches = Switches(settings, read_switched(settings))
    outbox = _make_outbox(settings, core)
    trial = TrialMonitor(core.clock)
    updates = _make_update_service(settings, core, trial)
    vision = _make_vision_service(switches.settings, core, outbox, updates, trial)
    main = MainParts(
        core=core,
        outbox=outbox,
        updates=updates,
        vision=vision,
        switches=switches,
        options=OptionalParts(),
    )
    make_optional_parts(config, main)
    status_files = StatusFiles(runtime_dir())
    disks = _make_disk_monitor(settings, core)
    supervisor = Supervisor(
        loop=core.loop,
        inbox=core.inbox,
        messages=core.messages,
        outbox=outbox,
        vision=vision,
        updates=updates,
        switches=switches,
        options=main.options,
        device_status=_make_status_reporter(core, outbox, disks, status_files),
        disks=disks,
        board=core.board,
        make_reloader=partial(_make_reloader, config, settings, core),
        conditions=core.conditions,
        notifier=systemd.Notifier(),
        clock=core.clock,
    )
    control = ControlServer(
        state_dir(settings), core.inbox.put, loop=core.loop, disk=core.disks["files"]
    )
    control.start()
    signals.hand_on(lambda number: core.inbox.put(SignalReceived(number)))
    gc.freeze()  # what was made so far stays; collections that look at it take 20 ms of the loop
    gc.enable()
    is_restart = supervisor.run()
    control.close()
    main.options.close()
    core.disks["files"].finish(_FILES_FINISH_TIMEOUT_S)
    status_files.clear()
    gc.freeze()  # nor does Python's end look for garbage in what ends with the process
    return is_restart


def _make_disk_monitor(settings: Settings, core: Core) -> DiskMonitor:
    return DiskMonitor(
        core.disks,
        state_dir=state_dir(settings),
        board=core.board,
        conditions=ConditionReporter(core.conditions, core.clock),
        clock=core.clock,
    )


def _make_status_reporter(
    core: Core, outbox: Outbox, disks: DiskMonitor, status_files: StatusFiles
) -> DeviceStatusReporter:
    return DeviceStatusReporter(
        board=core.board,
        clock=core.clock,
        stamper=core.stamper,
        outbox=outbox,
        conditions=core.conditions,
        disks=disks,
        lag=LagMonitor(core.loop, ConditionReporter(core.conditions, core.clock), core.clock),
        status_files=status_files,
    )


def _make_reloader(
    config: Path,
    settings: Settings,
    core: Core,
    on_settings: Callable[[Settings | None], object],
) -> ConfigReloader:
    return ConfigReloader(
        settings,
        load=partial(load_config, config),
        disk=core.disks["files"],
        on_settings=on_settings,
        conditions=core.conditions,
        clock=core.clock,
    )


def _make_outbox(settings: Settings, core: Core) -> Outbox:
    topics = Topics(core.stamper.identity.device)
    return open_outbox(
        settings,
        stamper=core.stamper,
        state_dir=state_dir(settings),
        clock=core.clock,
        loop=core.loop,
        notify=core.inbox.put,
        disk=core.disks["spool"],
        subscriptions=list_subscriptions(settings, topics),
    )


def _make_update_service(settings: Settings, core: Core, trial: TrialMonitor) -> UpdateService:
    lock = StoreLock(model_store_dir(settings))

    def start_installer(settings: Settings, desired_envelope: bytes) -> InstallerProcess:
        job = InstallJob(
            store_root=model_store_dir(settings),
            model=settings.model,
            updates=settings.updates,
            desired_envelope=desired_envelope,
        )
        process = InstallerProcess(
            job, lock_descriptor=lock.descriptor, loop=core.loop, on_message=core.inbox.put
        )
        return process.start()

    steps = StoreSteps(
        ModelRepository(open_store(settings), settings, now=lambda: rfc3339(core.clock.wall_ns())),
        lock=lock,
        drop_folder=DropFolder(drop_folder(settings)),
        boot_id=core.stamper.identity.boot,
    )
    return UpdateService(
        steps,
        disk=core.disks["store"],
        other_disks=[queue for name, queue in core.disks.items() if name != "store"],
        settings=settings,
        trial_monitor=trial,
        conditions=core.conditions,
        clock=core.clock,
        start_installer=start_installer,
    )


def _make_vision_service(
    settings: Settings,
    core: Core,
    outbox: Outbox,
    updates: UpdateService,
    trial: TrialMonitor,
) -> VisionService:
    return VisionService(
        settings,
        updates.active_model,
        loop=core.loop,
        spares=core.spares,
        outbox=outbox,
        conditions=core.conditions,
        stamper=core.stamper,
        clock=core.clock,
        listener=trial,
        pictures=open_picture_service(settings, core, outbox),
    )
