"""The synthetic camera's frames as files, so that other programs get the same ones."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.bench.daemon_config import CYCLE, MOVING_EVERY_S
from edged.cameras.synthetic import SyntheticCamera
from edged.cameras.synthetic_settings import SyntheticSettings
from edged.clock import Clock
from edged.errors import EdgedError

_GRAB_TIMEOUT_S = 1.0


def draw_frames(width: int, height: int, clock: Clock) -> NDArray[np.uint8]:
    """Return the frames that the daemon's camera repeats.

    Args:
        width: frame width, in pixels.
        height: frame height, in pixels.
        clock: the camera's clock.

    Returns:
        (CYCLE, height, width, 3) uint8, BGR.
    """
    settings = SyntheticSettings(
        width=width, height=height, speed="max", cycle=CYCLE, every_s=MOVING_EVERY_S
    )
    camera = SyntheticCamera("bench", settings, clock)
    camera.open()
    frames = [camera.grab(_GRAB_TIMEOUT_S).pixels for _ in range(CYCLE)]
    camera.close()
    return np.stack(frames)


def write_array(frames: NDArray[np.uint8], path: Path) -> Path:
    """Write frames, (N, height, width, 3) uint8, as a .npy file; return its path."""
    np.save(path, frames)
    return path


def write_pictures(frames: NDArray[np.uint8], folder: Path) -> Path:
    """Write frames, (N, height, width, 3) uint8 BGR, as uncompressed pictures in a new folder; return its path.

    Raises:
        EdgedError: a picture cannot be written.
    """
    folder.mkdir()
    for number, frame in enumerate(frames):
        if not cv2.imwrite(f"{folder}/{number:02}.bmp", frame):
            raise EdgedError(f"cannot write pictures to {folder}")
    return folder


def write_mjpeg(frames: NDArray[np.uint8], path: Path, fps: float, repetitions: int) -> Path:
    """Write frames as an MJPEG clip, and return its path.

    Args:
        frames: (N, height, width, 3) uint8, BGR.
        path: an .avi file.
        fps: the clip's frames per second.
        repetitions: how often the frames are repeated.

    Raises:
        EdgedError: this OpenCV cannot write MJPEG.
    """
    height, width = frames.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    if not writer.isOpened():
        raise EdgedError("this OpenCV cannot write an MJPEG clip")
    for _ in range(repetitions):
        for frame in frames:
            writer.write(frame)
    writer.release()
    return path


def read_size(clip: Path) -> tuple[int, int]:
    """Return width and height of a clip's first frame, in pixels.

    Raises:
        EdgedError: the file is no video that OpenCV reads.
    """
    capture = cv2.VideoCapture(str(clip))
    is_read, frame = capture.read()
    capture.release()
    if not is_read:
        raise EdgedError(f"--clip: OpenCV cannot read a frame of {clip}")
    return int(frame.shape[1]), int(frame.shape[0])
