"""The settings of a recording in place of a camera."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """[camera.NAME] with ``source = "replay"``."""

    path: Annotated[
        Path,
        Meta(
            description="A video file, or a folder of pictures, read in the order of their names."
        ),
    ]
    speed: Annotated[
        Literal["real", "max"],
        Meta(
            description='"real" keeps the recording\'s pace and skips pictures when late, or plays slower if the machine reads it slower than it plays; "max" delivers each picture as soon as the last one is taken.'
        ),
    ] = "real"
    loop: Annotated[
        bool, Meta(description="Begin again at the end; otherwise the camera ends there.")
    ] = False
    fps: Annotated[
        Annotated[float, Meta(gt=0, le=1000)] | None,
        Meta(
            description="Pictures per second, in place of the recording's own; a folder has 10 if not set."
        ),
    ] = None
