"""The tutorial loop's camera: the benchmark's frames, or a clip, read as from ``cv2.VideoCapture``. It imports no edged code."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


class PictureSource:
    """A camera that delivers the frames of a file again and again, at a fixed rate or as fast as they are read.

    A frame from an array is delivered without a copy, as the daemon's synthetic camera delivers its own: a real VideoCapture would
    have to copy it.
    """

    def __init__(self, path: Path, fps: float) -> None:
        """Open the file.

        Args:
            path: a .npy file of (N, height, width, 3) uint8, or a video file.
            fps: frames per second; 0: no pause between two frames.
        """
        self._pictures: Any = None
        self._capture: Any = None
        if path.suffix == ".npy":
            self._pictures = np.load(path, mmap_mode="r")
        else:
            self._capture = cv2.VideoCapture(str(path))
        self._path = path
        self._period_s = 1 / fps if fps else 0.0
        self._began_s = time.monotonic()
        self._index = 0
        self._read_count = 0

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return whether there is a frame, and the frame, (height, width, 3) uint8 BGR, when it is due."""
        picture = self._next_picture()
        if self._period_s:
            late_s = time.monotonic() - self._began_s - self._index * self._period_s
            if late_s < 0:
                time.sleep(-late_s)
            elif late_s >= self._period_s:  # what a live camera showed meanwhile is lost
                self._index += int(late_s / self._period_s)
        self._index += 1
        self._read_count += 1
        return picture is not None, picture

    def _next_picture(self) -> NDArray[np.uint8] | None:
        if self._pictures is not None:
            return np.asarray(self._pictures[self._index % len(self._pictures)])
        is_read, picture = self._capture.read()
        if not is_read:
            self._capture = cv2.VideoCapture(str(self._path))
            is_read, picture = self._capture.read()
        return picture if is_read else None

    @property
    def frame_number(self) -> int:
        """Number of the frame that was read last; lost ones do not count."""
        return self._read_count - 1
