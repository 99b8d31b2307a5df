"""Construction of the picture service."""

from edged.clock import Clock
from edged.config.settings import Settings
from edged.daemon.picture_files import PictureFiles
from edged.daemon.picture_service import PictureService
from edged.disk_thread import DiskQueue
from edged.event_loop import EventLoop
from edged.health import ConditionReporter, Conditions
from edged.host.files import LocalFileSystem
from edged.host.paths import state_dir
from edged.messaging.contract.header import Stamper
from edged.messaging.outbox import Outbox
from edged.pictures.ring import PictureRing


def open_picture_service(
    settings: Settings,
    *,
    loop: EventLoop,
    disk: DiskQueue,
    outbox: Outbox,
    conditions: Conditions,
    stamper: Stamper,
    clock: Clock,
) -> PictureService:
    """Return the picture service of a device; the pictures of objects are in its state directory.

    Args:
        settings: the configuration, which names the state directory.
        loop: the supervisor's loop.
        disk: does the work on the pictures.
        outbox: publishes pictures.
        conditions: the active conditions.
        stamper: knows the device and the session.
        clock: the clock of all times.
    """
    files = PictureFiles(
        PictureRing(LocalFileSystem(), state_dir(settings) / "pictures"),
        disk=disk,
        loop=loop,
        conditions=ConditionReporter(conditions, clock),
        clock=clock,
    )
    return PictureService(loop=loop, outbox=outbox, files=files, stamper=stamper, clock=clock)
