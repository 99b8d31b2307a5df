"""A video file that a library has opened."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged.errors import CameraError

TimedPicture = tuple[float, NDArray[np.uint8]]
"""The file's own time stamp of a picture, seconds, and the picture: (H, W, 3) uint8, BGR, upright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """An opened video file.

    Attributes:
        fps: pictures per second according to the file; may be nonsense.
        declared_count: number of pictures according to the file's index; 0 if unknown.
        pictures: the pictures, to be read once; closing the generator closes the file.
    """

    fps: float
    declared_count: int
    pictures: Generator[TimedPicture]


def make_open_error(path: Path) -> CameraError:
    """Return the error of a file that is no video, or one that cannot be read."""
    return CameraError(
        f"{path}: cannot open this video; check with `ffprobe` that it is complete and in a known format"
    )
