"""Recorded pictures in order, from a video file or a folder, each with its time since the recording's beginning."""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edged.errors import CameraError, PictureError

if TYPE_CHECKING:
    import cv2

FOLDER_FPS = 10.0
"""Pictures per second of a folder, which has no time line of its own."""
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_MAX_FPS = 1000.0


@dataclass(frozen=True, slots=True)
class Picture:
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
    pictures: Generator[Picture]


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


def _read_folder(paths: list[Path], fps: float) -> Generator[Picture]:
    from edged.model.picture_file import read_picture

    for index, path in enumerate(paths):
        try:
            bgr = read_picture(path)
        except PictureError as error:
            raise CameraError(f"{error}; remove or replace it") from error
        yield Picture(index / fps, bgr)


def _open_video(path: Path, fps: float | None, first: int) -> Clip:
    import cv2

    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise CameraError(
            f"{path}: cannot open this video; check with `ffprobe` that it is complete and in a known format"
        )
    own_fps = capture.get(cv2.CAP_PROP_FPS)
    if not (isfinite(own_fps) and 0 < own_fps <= _MAX_FPS):
        own_fps = FOLDER_FPS
    return Clip(
        fps=fps or own_fps,
        declared_count=max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))),
        pictures=_read_video(capture, fps, 1 / own_fps, first),
    )


def _read_video(
    capture: "cv2.VideoCapture", fps: float | None, own_period_s: float, first: int
) -> Generator[Picture]:
    import cv2

    first_s = at_s = 0.0
    try:
        # Not by seeking, which OpenCV does only to a key frame in some formats.
        if not all(capture.grab() for _ in range(first)):
            return
        for index in count():
            ok, bgr = capture.read()
            if not ok:
                return
            stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index == 0:
                first_s = max(0.0, stamp_s)
            elif fps is not None:
                at_s = index / fps
            else:
                # Raw streams have no time stamps: OpenCV returns ones that stand still or are far below zero.
                own_s = stamp_s - first_s
                at_s = own_s if own_s > at_s else at_s + own_period_s
            yield Picture(at_s, bgr.astype(np.uint8, copy=False))
    finally:
        capture.release()
