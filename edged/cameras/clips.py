"""Recorded pictures in order, from a video file or a folder, each with its time since the recording's beginning."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged.cameras.video import TimedPicture
from edged.errors import CameraError, PictureError

FOLDER_FPS = 10.0
"""Pictures per second of a folder, which has no time line of its own."""
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_MAX_FPS = 1000.0


@dataclass(frozen=True, slots=True)
class ClipPicture:
    """One recorded picture.

    Attributes:
        at_s: time since the first picture that was read, seconds.
        bgr: (H, W, 3) uint8.
    """

    at_s: float
    bgr: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An opened recording.

    Attributes:
        fps: pictures per second, never 0.
        declared_count: number of pictures according to the file's index; 0 if unknown.
        pictures: the pictures, to be read once; closing the generator closes the file.
    """

    fps: float
    declared_count: int
    pictures: Generator[ClipPicture]


def open_clip(path: Path, fps: float | None, first: int = 0) -> Clip:
    """Open a video file, or a folder of pictures in the order of their names.

    Args:
        path: the file or folder.
        fps: pictures per second, in place of the recording's own; None: use the recording's timestamps.
        first: number of the first picture to read, from 0.

    Raises:
        CameraError: there is no such file or folder, or it cannot be read.
    """
    if path.is_dir():
        return _open_folder(path, fps or FOLDER_FPS, first)
    if not path.exists():
        raise CameraError(f"{path}: no such file or folder; check the camera's `path`")
    return _open_video(path, fps, first)


def _open_folder(path: Path, fps: float, first: int) -> Clip:
    try:
        paths = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
    except OSError as error:
        raise CameraError(f"{path}: cannot read the folder: {error.strerror}") from error
    return Clip(fps=fps, declared_count=len(paths), pictures=_read_folder(paths[first:], fps))


def _read_folder(paths: list[Path], fps: float) -> Generator[ClipPicture]:
    from edged.pictures.decode import read_picture

    for index, path in enumerate(paths):
        try:
            bgr = read_picture(path)
        except PictureError as error:
            raise CameraError(f"{error}; remove or replace it") from error
        yield ClipPicture(index / fps, bgr)


def _open_video(path: Path, fps: float | None, first: int) -> Clip:
    """Open a video with PyAV, or without it with OpenCV, which takes every video for BT.601 and does not say how it is tagged."""
    if find_spec("av") is None:
        from edged.cameras.opencv_video import open_video
    else:
        from edged.cameras.pyav_video import open_video
    video = open_video(path, first)
    own_fps = video.fps if isfinite(video.fps) and 0 < video.fps <= _MAX_FPS else FOLDER_FPS
    return Clip(
        fps=fps or own_fps,
        declared_count=video.declared_count,
        pictures=_set_times(video.pictures, fps, 1 / own_fps),
    )


def _set_times(
    pictures: Generator[TimedPicture], fps: float | None, own_period_s: float
) -> Generator[ClipPicture]:
    """Yield the pictures with their times from the first one on, by `fps` or by their own time stamps, which may be useless."""
    first_s = at_s = 0.0
    with closing(pictures):
        for index, (stamp_s, bgr) in enumerate(pictures):
            if index == 0:
                first_s = max(0.0, stamp_s)
            elif fps is not None:
                at_s = index / fps
            else:
                # Raw streams have no time stamps: OpenCV returns ones that stand still or are far below zero.
                own_s = stamp_s - first_s
                at_s = own_s if own_s > at_s else at_s + own_period_s
            yield ClipPicture(at_s, bgr)
