"""``threshold``: change the smallest score of a camera's detections."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.commands.lookup import find_camera, refuse_unless_known
from edged.config.overrides import CameraOverrides
from edged.interfaces.command import Device, Done, Finish, Refused


class ThresholdArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``threshold``."""

    camera: Annotated[str, Meta(description="Name of the camera.")]
    score: Annotated[
        Annotated[float, Meta(ge=0.0, le=1.0)] | None,
        Meta(description="Smallest score; null for that of the configuration."),
    ]
    label: Annotated[
        str | None, Meta(description="The label; null for all labels without a score of their own.")
    ] = None


class ThresholdCommand:
    """Changes a threshold."""

    Args: ClassVar[type[Struct]] = ThresholdArgs
    summary: ClassVar[str] = "Change the smallest score of a camera's detections."

    def execute(self, args: ThresholdArgs, device: Device, finish: Finish) -> None:
        """Change the threshold of the camera.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        if isinstance(found := find_camera(device, args.camera), Refused):
            finish(found)
            return
        labels = device.find_labels(args.camera)
        if args.label is not None and labels:
            refused = refuse_unless_known("label", args.label, labels)
            if refused is not None:
                finish(refused)
                return
        device.switch(args.camera, lambda switched: _change(switched, args))
        finish(Done())


def _change(switched: CameraOverrides, args: ThresholdArgs) -> CameraOverrides:
    if args.label is None:
        return replace(switched, threshold=args.score)
    others = {label: score for label, score in switched.thresholds.items() if label != args.label}
    own = {} if args.score is None else {args.label: args.score}
    return replace(switched, thresholds=others | own)
