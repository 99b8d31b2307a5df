"""The settings of a synthetic camera."""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

Label = Literal[
    "qr_code",
    "barcode",
    "fiducial_tag",
    "warning_sign",
    "prohibition_sign",
    "mandatory_sign",
    "safe_condition_sign",
    "fire_sign",
]


class SyntheticSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[camera.NAME] with ``source = "synthetic"``."""

    width: Annotated[int, Meta(ge=64, le=7680, description="Width of the frames, pixels.")] = 640
    height: Annotated[int, Meta(ge=64, le=4320, description="Height of the frames, pixels.")] = 480
    fps: Annotated[
        float, Meta(gt=0, le=1000, description="Frames per second of the scene's time.")
    ] = 15.0
    seed: Annotated[
        int, Meta(ge=0, lt=2**31, description="Seed of the scene; another number gives another.")
    ] = 1
    speed: Annotated[
        Literal["real", "max"],
        Meta(
            description='"real" keeps the pace of fps; "max" delivers each frame as soon as the last one is taken.'
        ),
    ] = "real"
    frames: Annotated[
        int, Meta(ge=0, description="Number of frames after which the scene ends; 0: never.")
    ] = 0
    cycle: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Number of frames after which the scene repeats; they stay in memory and cost nothing to draw, for benchmarks; 0: never.",
        ),
    ] = 0
    every_s: Annotated[
        float, Meta(ge=0.2, le=3600, description="Time between two marks that enter, seconds.")
    ] = 4.0
    stay_s: Annotated[
        float, Meta(ge=1.5, le=3600, description="Approximate time that a mark stays, seconds.")
    ] = 5.0
    labels: Annotated[
        tuple[Label, ...], Meta(min_length=1, description="The marks that appear in the scene.")
    ] = get_args(Label)
    noise: Annotated[
        float,
        Meta(ge=0, le=60, description="Standard deviation of the sensor's noise, grey levels."),
    ] = 4.0
