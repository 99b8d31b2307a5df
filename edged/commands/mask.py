"""``mask``: use a camera's mask, or not."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.commands.lookup import find_camera, refuse_unless_known
from edged.interfaces.command import Device, Done, Finish, Refused


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
        if isinstance(camera := find_camera(device, args.camera), Refused):
            finish(camera)
            return
        if (refused := refuse_unless_known("mask", args.mask, tuple(camera.mask))) is not None:
            finish(refused)
            return
        device.switch(
            args.camera,
            lambda switched: replace(switched, masks=switched.masks | {args.mask: args.on}),
        )
        finish(Done())
