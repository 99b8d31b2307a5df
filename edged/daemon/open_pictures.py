"""Construction of the picture service."""

from collections.abc import Callable

from edged.config.settings import Settings
from edged.daemon.core import Core
from edged.daemon.picture_files import PictureFiles
from edged.daemon.picture_limits import PictureLimits, limit_examples, limit_objects
from edged.daemon.picture_service import PictureService
from edged.health import ConditionKind, ConditionReporter
from edged.host.files import LocalFileSystem
from edged.host.paths import state_dir
from edged.messaging.outbox import Outbox
from edged.pictures.ring import PictureRing


def open_picture_service(settings: Settings, core: Core, outbox: Outbox) -> PictureService:
    """Return the picture service of a device; the pictures of objects and the hard examples are in its state directory.

    Args:
        settings: the configuration, which names the state directory.
        core: the shared parts of the daemon.
        outbox: publishes pictures.
    """

    def open_files(
        folder: str, limit: Callable[[Settings], PictureLimits], kind: ConditionKind
    ) -> PictureFiles:
        return PictureFiles(
            PictureRing(LocalFileSystem(), state_dir(settings) / folder),
            disk=core.disks["files"],
            loop=core.loop,
            conditions=ConditionReporter(core.conditions, core.clock),
            clock=core.clock,
            limit=limit,
            kind=kind,
        )

    return PictureService(
        loop=core.loop,
        outbox=outbox,
        files=open_files("pictures", limit_objects, ConditionKind.PICTURES),
        example_files=open_files("examples", limit_examples, ConditionKind.EXAMPLES),
        stamper=core.stamper,
        clock=core.clock,
    )
