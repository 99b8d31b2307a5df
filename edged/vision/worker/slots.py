"""The slots in which the cameras' threads hand their frames to the inference loop: the newest frame wins."""

import threading
from collections.abc import Callable, Iterable, Mapping

from edged.types import Frame
from edged.vision.worker.fair_share import FairShare


class FrameSlots:
    """One slot for one frame per camera; a frame that was not taken in time is replaced, and counted.

    Each camera's thread puts; one thread takes. Every frame that was put is either taken or counted as dropped. Which camera's frame is taken
    first is `FairShare`'s decision.
    """

    def __init__(self, cameras: Iterable[str]) -> None:
        """One slot for each camera of these names."""
        self._lock = threading.RLock()
        self._filled = threading.Condition(self._lock)
        self._pending: dict[str, Frame | None] = dict.fromkeys(cameras)
        self._pending_count = 0
        self._dropped = dict.fromkeys(self._pending, 0)
        self._emptied: dict[str, threading.Condition] = {}
        """One for each lossless camera, so that a frame that is taken wakes no other camera's thread."""
        self._deferred_until_ns = dict.fromkeys(self._pending, 0)
        self._defers_still = dict.fromkeys(self._pending, False)
        self._deferred = {
            True: dict.fromkeys(self._pending, 0),
            False: dict.fromkeys(self._pending, 0),
        }
        self._share = FairShare(self._pending)

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Give cameras other weights: with weight 2 a camera gets twice the share of one with weight 1."""
        with self._lock:
            self._share.set_weights(weights)

    def put(self, frame: Frame) -> None:
        """Put `frame` into its camera's slot; a frame that is still there is dropped."""
        camera = frame.camera
        if frame.captured_ns < self._deferred_until_ns[camera]:
            self._deferred[self._defers_still[camera]][camera] += 1
            return
        with self._lock:
            replaced = self._pending[camera]
            if replaced is None:
                self._pending_count += 1
                self._share.enqueue(camera)
            else:
                self._dropped[camera] += 1
            self._pending[camera] = frame
            self._filled.notify()
        del replaced  # its memory is freed only here, where nobody waits for the lock

    def offer(self, frame: Frame, timeout_s: float) -> bool:
        """Put `frame` into its camera's slot once that is empty; return False if it was not within `timeout_s` seconds.

        For a camera whose frames must not be dropped.
        """
        camera = frame.camera
        with self._lock:
            emptied = self._emptied.get(camera)
            if emptied is None:
                emptied = self._emptied[camera] = threading.Condition(self._lock)
            if not emptied.wait_for(lambda: self._pending[camera] is None, timeout_s):
                return False
            self._pending_count += 1
            self._share.enqueue(camera)
            self._pending[camera] = frame
            self._filled.notify()
            return True

    def take(
        self, timeout_s: float | None, *, is_interrupted: Callable[[], bool] = lambda: False
    ) -> Frame | None:
        """Return the newest frame of the camera whose turn it is.

        Args:
            timeout_s: seconds to wait for a frame; None waits without limit.
            is_interrupted: ends the wait when it returns True; it is called after each `interrupt`.

        Returns:
            The frame; None if none came in time, or the wait was interrupted.
        """
        with self._lock:
            if not self._pending_count and timeout_s != 0:
                self._filled.wait_for(lambda: self._pending_count or is_interrupted(), timeout_s)
            camera = self._share.choose(self._pending) if self._pending_count else None
            if camera is None:
                return None
            frame, self._pending[camera] = self._pending[camera], None
            self._pending_count -= 1
            self._share.serve(camera)
            if camera in self._emptied:
                self._emptied[camera].notify()
            return frame

    def refund(self, camera: str) -> None:
        """Take note that the model does not run on the frame of this camera that was taken last: it does not count against its share."""
        with self._lock:
            self._share.refund(camera)

    def wait(self, is_interrupted: Callable[[], bool], timeout_s: float | None) -> bool:
        """Wait, frames or not, until `is_interrupted` returns True; return False if it did not within `timeout_s` seconds.

        It is called after each `interrupt`. None waits without limit.
        """
        with self._lock:
            return self._filled.wait_for(is_interrupted, timeout_s)

    def defer(self, camera: str, until_ns: int, *, is_still: bool) -> None:
        """Take no frame of a live camera that was captured before `until_ns`, monotonic; those that come are counted.

        Args:
            camera: the camera.
            until_ns: 0 to take every frame.
            is_still: why: True if the picture is at rest, False if the frames are above the camera's largest rate.
        """
        self._deferred_until_ns[camera], self._defers_still[camera] = until_ns, is_still

    def interrupt(self) -> None:
        """Let the taker look at its condition again."""
        with self._lock:
            self._filled.notify()

    def is_lossless(self, camera: str) -> bool:
        """Return whether this camera waits for its consumer."""
        return camera in self._emptied

    def dropped_count(self, camera: str) -> int:
        """Return how many of this camera's frames were put and never taken."""
        return self._dropped[camera]

    def deferred_count(self, camera: str, *, is_still: bool) -> int:
        """Return how many of this camera's frames were not taken because of `defer`, for this reason."""
        return self._deferred[is_still][camera]
