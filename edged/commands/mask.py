"""``mask``: use a camera's mask, or not."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from edged.commands.areas import switch_area
from edged.interfaces.command import Device, Finish


class MaskArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``mask``."""

    camera: Annotated[str, Meta(description="Name of the camera.")]
    mask: Annotated[str, Meta(description="Name of the mask.")]
    on: Annotated[bool, Meta(description="false: the area is not made black.")]


class MaskCommand:
    """Switches a mask."""

    Args: ClassVar[type[Struct]] = MaskArgs
    summary: ClassVar[str] = "Make a camera's masked area black, or not."

    def execute(self, args: MaskArgs, device: Device, finish: Finish) -> None:
        """Switch the mask.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        switch_area(device, "mask", args.camera, args.mask, is_on=args.on, finish=finish)
