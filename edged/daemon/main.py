"""The composition root: makes every part, and hands each what it needs. Reads top to bottom."""

import logging
import secrets
import signal
from pathlib import Path
from queue import SimpleQueue

from edged import logs
from edged.clock import SystemClock, clock_quality
from edged.config.load import LoadedConfig, load_config
from edged.config.settings import Settings
from edged.daemon.device_status import DeviceStatusReporter
from edged.daemon.inbox import Inbox, SignalReceived
from edged.daemon.loop import Supervisor
from edged.daemon.status_files import StatusFiles, runtime_dir
from edged.daemon.vision_service import VisionService
from edged.health import Conditions
from edged.host import systemd
from edged.host.board import Board
from edged.host.paths import device_name, drop_folder, model_store_dir, state_dir
from edged.messaging.contract.header import Identity, Stamper, rfc3339
from edged.messaging.contract.topics import Topics
from edged.messaging.open_outbox import open_outbox
from edged.updates.installer.messages import InstallJob
from edged.updates.installer.process import InstallerProcess
from edged.updates.service.control_socket import ControlServer
from edged.updates.service.intake import DropFolder
from edged.updates.service.model_control import open_store
from edged.updates.service.repository import ModelRepository
from edged.updates.service.service import UpdateService
from edged.updates.service.trial_monitor import TrialMonitor
from edged.updates.store.lock import StoreLock

_log = logging.getLogger(__name__)


def run(config: Path) -> int:
    """Run the daemon until it ends.

    Returns:
        0: it was asked to end, or every camera was finite and has ended.

    Raises:
        ConfigError: the configuration cannot be used, or the state directory cannot be written.
    """
    settings = _load_config(config).settings
    logs.configure(settings.log.level)
    state = state_dir(settings)

    clock = SystemClock()
    board = Board()
    inbox: Inbox = SimpleQueue()
    conditions = Conditions()
    notifier = systemd.Notifier()
    floor_ns = Path(__file__).stat().st_mtime_ns  # this file was not installed in the future
    stamper = Stamper(
        Identity(
            device=device_name(settings), boot=board.read_boot_id(), session=secrets.token_hex(4)
        ),
        clock,
        lambda: clock_quality(clock.wall_ns(), floor_ns),
    )
    outbox = open_outbox(
        settings,
        stamper=stamper,
        state_dir=state,
        clock=clock,
        notify=inbox.put,
        subscriptions=_list_subscriptions(settings, stamper.identity.device),
    )
    lock = StoreLock(model_store_dir(settings))
    trial = TrialMonitor(clock)
    updates = UpdateService(
        ModelRepository(open_store(settings), settings, now=lambda: rfc3339(clock.wall_ns())),
        lock=lock,
        trial_monitor=trial,
        drop_folder=DropFolder(drop_folder(settings)),
        boot_id=stamper.identity.boot,
        conditions=conditions,
        clock=clock,
        start_installer=lambda wanted, desired: _start_install_process(
            wanted, desired, lock, inbox
        ),
    )
    updates.start()
    control = ControlServer(state, inbox.put)
    control.start()
    lookout = VisionService(
        settings,
        updates.active_model,
        inbox=inbox,
        outbox=outbox,
        conditions=conditions,
        stamper=stamper,
        clock=clock,
        listener=trial,
    )
    noticeboard = StatusFiles(runtime_dir())
    telemetry = DeviceStatusReporter(
        board=board,
        clock=clock,
        stamper=stamper,
        outbox=outbox,
        conditions=conditions,
        state_dir=state,
        status_files=noticeboard,
        interval_s=settings.health.interval_s,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda caught, _frame: inbox.put(SignalReceived(caught)))
    Supervisor(
        inbox=inbox,
        outbox=outbox,
        vision=lookout,
        updates=updates,
        device_status=telemetry,
        board=board,
        reload_settings=lambda: _reload_settings(config),
        settings=settings,
        conditions=conditions,
        notifier=notifier,
        clock=clock,
    ).run()
    control.close()
    noticeboard.clear()
    return 0


def _list_subscriptions(settings: Settings, device: str) -> tuple[str, ...]:
    return (Topics(device).desired,) if settings.updates.channel else ()


def _start_install_process(
    settings: Settings, desired: bytes, lock: StoreLock, inbox: Inbox
) -> InstallerProcess:
    job = InstallJob(
        store_root=model_store_dir(settings),
        model=settings.model,
        updates=settings.updates,
        desired_envelope=desired,
    )
    return InstallerProcess(job, lock_descriptor=lock.descriptor, on_message=inbox.put).start()


def _reload_settings(config: Path) -> Settings:
    settings = _load_config(config).settings
    logs.configure(settings.log.level)
    return settings


def _load_config(config: Path) -> LoadedConfig:
    loaded = load_config(config)
    for warning in loaded.warnings:
        _log.warning("%s", warning)
    return loaded
