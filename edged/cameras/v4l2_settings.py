"""The settings of a V4L2 camera."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class V4l2Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[camera.NAME] with ``source = "v4l2"``."""

    device: Annotated[
        Path,
        Meta(
            description="/dev/v4l/by-id/…, which stays the same when the camera is plugged in again; or /dev/videoN."
        ),
    ]
    width: Annotated[
        int,
        Meta(
            ge=16,
            le=8192,
            description="Width of the picture, pixels; the camera's nearest size is used.",
        ),
    ] = 640
    height: Annotated[
        int,
        Meta(
            ge=16,
            le=8192,
            description="Height of the picture, pixels; the camera's nearest size is used.",
        ),
    ] = 480
    fps: Annotated[
        float, Meta(gt=0, le=1000, description="Pictures per second to request from the camera.")
    ] = 30.0
    format: Annotated[
        Literal["auto", "mjpeg", "yuyv"],
        Meta(
            description='Format on the cable; "auto" is "mjpeg" for pictures larger than 640 x 480, otherwise "yuyv".'
        ),
    ] = "auto"
