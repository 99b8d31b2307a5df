"""The composition root: makes every part, and hands each what it needs. Reads top to bottom."""

import logging
import secrets
import signal
from pathlib import Path
from queue import SimpleQueue

from edged import logs
from edged.clock import SystemClock, clock_quality
from edged.config.load import Loaded, load
from edged.config.settings import Settings
from edged.daemon.device_status import Telemetry
from edged.daemon.inbox import Inbox, Signalled
from edged.daemon.loop import Supervisor
from edged.daemon.status_files import Noticeboard, runtime_dir
from edged.daemon.vision_service import Lookout
from edged.health import Conditions
from edged.host import systemd
from edged.host.board import Board
from edged.host.paths import device_name, drop_folder, model_store, state_dir
from edged.messaging.contract.header import Identity, Stamper, rfc3339
from edged.messaging.contract.topics import Topics
from edged.messaging.outbox import open_outbox
from edged.updates.installer.messages import InstallJob
from edged.updates.installer.process import InstallProcess
from edged.updates.service.control_socket import ControlServer
from edged.updates.service.drop_folder import Drops
from edged.updates.service.repository import Keeper
from edged.updates.service.service import Updates
from edged.updates.service.standalone import open_store
from edged.updates.service.trial_monitor import Trial
from edged.updates.store.lock import StoreLock

_log = logging.getLogger(__name__)


def run(config: Path) -> int:
    """Run the daemon until it ends.

    Returns:
        0: it was asked to end, or every camera was finite and has ended.

    Raises:
        ConfigError: the configuration cannot be used, or the state directory cannot be written.
    """
    settings = _read(config).settings
    logs.configure(settings.log.level)
    state = state_dir(settings)

    clock = SystemClock()
    board = Board()
    inbox: Inbox = SimpleQueue()
    conditions = Conditions()
    notifier = systemd.Notifier()
    floor_ns = Path(__file__).stat().st_mtime_ns  # this file was not installed in the future
    stamper = Stamper(
        Identity(device=device_name(settings), boot=board.boot_id(), session=secrets.token_hex(4)),
        clock,
        lambda: clock_quality(clock.wall_ns(), floor_ns),
    )
    outbox = open_outbox(
        settings,
        stamper=stamper,
        state_dir=state,
        clock=clock,
        notify=inbox.put,
        listen=_listen(settings, stamper.identity.device),
    )
    lock = StoreLock(model_store(settings))
    trial = Trial(clock)
    updates = Updates(
        Keeper(open_store(settings), settings, now=lambda: rfc3339(clock.wall_ns())),
        lock=lock,
        trial=trial,
        drops=Drops(drop_folder(settings)),
        boot=stamper.identity.boot,
        conditions=conditions,
        clock=clock,
        start_install=lambda wanted, desired: _install(wanted, desired, lock, inbox),
    )
    control = ControlServer(state, inbox.put)
    lookout = Lookout(
        settings,
        updates.choice,
        inbox=inbox,
        outbox=outbox,
        conditions=conditions,
        stamper=stamper,
        clock=clock,
        onlooker=trial,
    )
    noticeboard = Noticeboard(runtime_dir())
    telemetry = Telemetry(
        board=board,
        clock=clock,
        stamper=stamper,
        outbox=outbox,
        conditions=conditions,
        state_dir=state,
        noticeboard=noticeboard,
        interval_s=settings.health.interval_s,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda caught, _frame: inbox.put(Signalled(caught)))
    Supervisor(
        inbox=inbox,
        outbox=outbox,
        lookout=lookout,
        updates=updates,
        telemetry=telemetry,
        board=board,
        reload=lambda: _reload(config),
        settings=settings,
        conditions=conditions,
        notifier=notifier,
        clock=clock,
    ).run()
    control.close()
    noticeboard.clear()
    return 0


def _listen(settings: Settings, device: str) -> tuple[str, ...]:
    return (Topics(device).desired,) if settings.updates.channel else ()


def _install(settings: Settings, desired: bytes, lock: StoreLock, inbox: Inbox) -> InstallProcess:
    job = InstallJob(
        root=model_store(settings), model=settings.model, updates=settings.updates, desired=desired
    )
    return InstallProcess(job, lock=lock.descriptor, notify=inbox.put)


def _reload(config: Path) -> Settings:
    settings = _read(config).settings
    logs.configure(settings.log.level)
    return settings


def _read(config: Path) -> Loaded:
    loaded = load(config)
    for warning in loaded.warnings:
        _log.warning("%s", warning)
    return loaded
