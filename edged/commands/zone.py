"""``zone``: use a camera's zone, or not."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.commands.lookup import find_camera, refuse_unless_known
from edged.interfaces.command import Device, Done, Finish, Refused


class ZoneArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``zone``."""

    camera: Annotated[str, Meta(description="Name of the camera.")]
    zone: Annotated[str, Meta(description="Name of the zone.")]
    on: Annotated[bool, Meta(description="false: no object is in it.")]


class ZoneCommand:
    """Switches a zone."""

    Args: ClassVar[type[Struct]] = ZoneArgs
    summary: ClassVar[str] = "Use a camera's zone, or not."

    def execute(self, args: ZoneArgs, device: Device, finish: Finish) -> None:
        """Switch the zone.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        if isinstance(camera := find_camera(device, args.camera), Refused):
            finish(camera)
            return
        if (refused := refuse_unless_known("zone", args.zone, tuple(camera.zone))) is not None:
            finish(refused)
            return
        device.switch(
            args.camera,
            lambda switched: replace(switched, zones=switched.zones | {args.zone: args.on}),
        )
        finish(Done())
