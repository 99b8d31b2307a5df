"""The settings of a picamera2 camera."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Picamera2Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[camera.NAME] with ``source = "picamera2"``."""

    camera: Annotated[
        str | None,
        Meta(
            description="Id or Model of the camera, as `rpicam-hello --list-cameras` shows them; if not set, the only camera."
        ),
    ] = None
    width: Annotated[
        int, Meta(ge=64, le=4096, multiple_of=2, description="Width of the lores stream, pixels.")
    ] = 640
    height: Annotated[
        int, Meta(ge=64, le=4096, multiple_of=2, description="Height of the lores stream, pixels.")
    ] = 480
    fps: Annotated[
        float, Meta(gt=0, le=1000, description="Pictures per second to request from the camera.")
    ] = 30.0
    rotation: Annotated[
        Literal[0, 180],
        Meta(description="Rotation in degrees: 180 for a camera that is mounted upside down."),
    ] = 0
    controls: Annotated[
        dict[str, bool | int | float],
        Meta(
            description="libcamera's controls, as { AfMode = 2 }; a control that the camera does not have is ignored, and logged."
        ),
    ] = msgspec.field(default_factory=dict)
