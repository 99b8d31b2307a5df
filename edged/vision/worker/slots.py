"""Where the cameras' threads hand their frames to the inference loop: the newest frame wins."""

import threading
from collections.abc import Iterable

from edged.types import Frame


class FrameSlots:
    """One place for one frame per camera; frames that nobody took in time are replaced, and counted.

    Each camera's thread puts; one thread takes. Every frame that was put is either taken or counted as dropped.
    """

    def __init__(self, cameras: Iterable[str]) -> None:
        """One slot for each camera of these names."""
        self._changed = threading.Condition()
        self._pending: dict[str, Frame | None] = dict.fromkeys(cameras)
        self._dropped = dict.fromkeys(self._pending, 0)
        self._camera_order = list(self._pending)
        """Whose frame is taken first; who was served goes to the end."""

    def put(self, frame: Frame) -> None:
        """Lay `frame` into its camera's slot; one that still lies there is dropped."""
        with self._changed:
            if self._pending[frame.camera] is not None:
                self._dropped[frame.camera] += 1
            self._pending[frame.camera] = frame
            self._changed.notify_all()

    def offer(self, frame: Frame, timeout_s: float) -> bool:
        """The same for a camera that loses nothing: waits for the slot to be empty.

        Returns:
            False if it was not within `timeout_s`, and `frame` was not put.
        """
        with self._changed:
            empty = self._changed.wait_for(lambda: self._pending[frame.camera] is None, timeout_s)
            if empty:
                self._pending[frame.camera] = frame
                self._changed.notify_all()
            return empty

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame of the camera that has waited longest for its turn; None if none came within `timeout_s`."""
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

    def clear(self) -> None:
        """Drop, and count, what still waits: nobody will take it."""
        with self._changed:
            for camera, frame in self._pending.items():
                if frame is not None:
                    self._dropped[camera] += 1
                    self._pending[camera] = None
            self._changed.notify_all()

    def dropped_count(self, camera: str) -> int:
        """How many of this camera's frames were put and never taken."""
        with self._changed:
            return self._dropped[camera]

    def _has_pending(self) -> bool:
        return any(frame is not None for frame in self._pending.values())
