"""``snapshot``: take a picture, and publish it."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from edged.commands.lookup import find_camera
from edged.interfaces.command import Device, Finish, Refused, SnapshotOptions


class SnapshotArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``snapshot``."""

    camera: Annotated[str, Meta(description="Name of the camera.")]
    annotate: Annotated[
        bool | None, Meta(description="Draw boxes and labels; null: as [images] annotate says.")
    ] = None
    max_width: Annotated[
        Annotated[int, Meta(ge=64, le=8192)] | None,
        Meta(description="Largest width, pixels; null: as [images] max_width says."),
    ] = None
    quality: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Meta(description="Quality of the JPEG; null: as [images] quality says."),
    ] = None


class SnapshotCommand:
    """Takes a picture."""

    Args: ClassVar[type[Struct]] = SnapshotArgs
    summary: ClassVar[str] = (
        "Take a picture, and publish it on up/camera/<cam>/snapshot; the reply names the topic."
    )

    def execute(self, args: SnapshotArgs, device: Device, finish: Finish) -> None:
        """Ask the camera's worker for a picture; the outcome comes when it is published.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        if isinstance(found := find_camera(device, args.camera), Refused):
            finish(found)
            return
        options = SnapshotOptions(
            annotate=args.annotate, max_width=args.max_width, quality=args.quality
        )
        device.take_snapshot(args.camera, options, finish)
