"""``detect``: run the model on a camera's frames, or not."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.commands.lookup import find_camera
from edged.interfaces.command import Device, Done, Finish, Refused


class DetectArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``detect``."""

    camera: Annotated[str, Meta(description="Name of the camera.")]
    on: Annotated[bool, Meta(description="false: its objects end, and the model rests.")]


class DetectCommand:
    """Switches detection."""

    Args: ClassVar[type[Struct]] = DetectArgs
    summary: ClassVar[str] = "Run the model on a camera's frames, or not."

    def execute(self, args: DetectArgs, device: Device, finish: Finish) -> None:
        """Switch the camera.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        if isinstance(found := find_camera(device, args.camera), Refused):
            finish(found)
            return
        device.switch(args.camera, lambda switched: replace(switched, detect=args.on))
        finish(Done())
