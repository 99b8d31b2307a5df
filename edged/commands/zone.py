"""``zone``: use a camera's zone, or not."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from edged.commands.areas import switch_area
from edged.interfaces.command import Device, Finish


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
        switch_area(device, "zone", args.camera, args.zone, is_on=args.on, finish=finish)
