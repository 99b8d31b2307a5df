"""``collect``: keep what a camera sees now as a hard example."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from edged.commands.lookup import find_camera
from edged.interfaces.command import Device, Finish, Refused


class CollectArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``collect``."""

    camera: Annotated[str, Meta(description="Name of the camera.")]


class CollectCommand:
    """Keeps a hard example."""

    Args: ClassVar[type[Struct]] = CollectArgs
    summary: ClassVar[str] = (
        "Keep what a camera sees now as a hard example, on disk; needs [collect] enabled. The reply names the file."
    )

    def execute(self, args: CollectArgs, device: Device, finish: Finish) -> None:
        """Ask the camera's worker for a picture; the outcome comes when it is on disk.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        if isinstance(found := find_camera(device, args.camera), Refused):
            finish(found)
        else:
            device.keep_example(args.camera, finish)
