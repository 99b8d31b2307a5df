"""Video files through OpenCV, for where PyAV is not installed: every video is taken for BT.601, and a mirrored one is turned instead."""

import logging
from collections.abc import Generator
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from edged.cameras.video import TimedPicture, Video, make_open_error
from edged.errors import CameraError
from edged.pictures.decode import describe_size_problem

_log = logging.getLogger(__name__)


def open_video(path: Path, first: int) -> Video:
    """Open a video file.

    Args:
        path: the file.
        first: number of the first picture to read, from 0.

    Raises:
        CameraError: it cannot be opened, or its pictures are too large.
    """
    _log_colours()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise make_open_error(path)
    # Its default is 0 in OpenCV 4 and 1 in OpenCV 5.
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    width, height = (
        int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if problem := describe_size_problem(width, height):
        capture.release()
        raise CameraError(f"{path}: cannot decode this video: {problem}; make it smaller")
    return Video(
        fps=capture.get(cv2.CAP_PROP_FPS),
        declared_count=max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))),
        pictures=_read_pictures(capture, first),
    )


def _read_pictures(capture: cv2.VideoCapture, first: int) -> Generator[TimedPicture]:
    try:
        # Not by seeking, which OpenCV does only to a key frame in some formats.
        if not all(capture.grab() for _ in range(first)):
            return
        while True:
            ok, bgr = capture.read()
            if not ok:
                return
            yield capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, bgr.astype(np.uint8, copy=False)
    finally:
        capture.release()


@cache
def _log_colours() -> None:
    """Say once that colours may be wrong."""
    _log.info(
        "PyAV is not installed: videos in BT.709, as most in high definition are, get the colours of BT.601; install the extra `rtsp`"
    )
