"""The slots in which the cameras' threads hand their frames to the inference loop: the newest frame wins."""

import threading
from collections.abc import Iterable

from edged.types import Frame


class FrameSlots:
    """One slot for one frame per camera; a frame that was not taken in time is replaced, and counted.

    Each camera's thread puts; one thread takes. Every frame that was put is either taken or counted as dropped.
    """

    def __init__(self, cameras: Iterable[str]) -> None:
        """One slot for each camera of these names."""
        self._changed = threading.Condition()
        self._pending: dict[str, Frame | None] = dict.fromkeys(cameras)
        self._dropped = dict.fromkeys(self._pending, 0)
        self._camera_order = list(self._pending)
        """The first of these with a frame is taken; its camera then moves to the end."""

    def put(self, frame: Frame) -> None:
        """Put `frame` into its camera's slot; a frame that is still there is dropped."""
        with self._changed:
            if self._pending[frame.camera] is not None:
                self._dropped[frame.camera] += 1
            self._pending[frame.camera] = frame
            self._changed.notify_all()

    def offer(self, frame: Frame, timeout_s: float) -> bool:
        """Put `frame` into its camera's slot once that is empty; return False if it was not within `timeout_s` seconds.

        For a camera whose frames must not be dropped.
        """
        with self._changed:
            is_empty = self._changed.wait_for(
                lambda: self._pending[frame.camera] is None, timeout_s
            )
            if is_empty:
                self._pending[frame.camera] = frame
                self._changed.notify_all()
            return is_empty

    def take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame of the camera that has waited longest for its turn; None if none came within `timeout_s` seconds."""
        with self._changed:
            self._changed.wait_for(self._has_pending, timeout_s)
            for camera in self._camera_order:
                frame = self._pending[camera]
                if frame is not None:
                    self._pending[camera] = None
                    self._camera_order.remove(camera)
                    self._camera_order.append(camera)
                    self._changed.notify_all()
                    return frame
            return None

    def dropped_count(self, camera: str) -> int:
        """Return how many of this camera's frames were put and never taken."""
        with self._changed:
            return self._dropped[camera]

    def _has_pending(self) -> bool:
        return any(frame is not None for frame in self._pending.values())
