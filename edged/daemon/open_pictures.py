"""Construction of the picture service."""

from edged.config.settings import Settings
from edged.daemon.core import Core
from edged.daemon.picture_files import PictureFiles
from edged.daemon.picture_service import PictureService
from edged.health import ConditionReporter
from edged.host.files import LocalFileSystem
from edged.host.paths import state_dir
from edged.messaging.outbox import Outbox
from edged.pictures.ring import PictureRing


def open_picture_service(settings: Settings, core: Core, outbox: Outbox) -> PictureService:
    """Return the picture service of a device; the pictures of objects are in its state directory.

    Args:
        settings: the configuration, which names the state directory.
        core: the shared parts of the daemon.
        outbox: publishes pictures.
    """
    files = PictureFiles(
        PictureRing(LocalFileSystem(), state_dir(settings) / "pictures"),
        disk=core.disks["files"],
        loop=core.loop,
        conditions=ConditionReporter(core.conditions, core.clock),
        clock=core.clock,
    )
    return PictureService(
        loop=core.loop, outbox=outbox, files=files, stamper=core.stamper, clock=core.clock
    )
