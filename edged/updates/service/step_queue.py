"""The daemon's way to the disk of the model store: one step at a time, so that each begins only when the result of the one before was followed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from edged.disk_thread import DiskQueue
from edged.updates.service.suspension import MAX_GAP_S

T = TypeVar("T")


class StepQueue:
    """Does steps in a disk queue, and knows whether a disk of the daemon answers."""

    def __init__(self, disk: DiskQueue, other_disks: Sequence[DiskQueue] = ()) -> None:
        """Do nothing yet.

        Args:
            disk: the queue of the model store.
            other_disks: the daemon's further queues.
        """
        self._disk = disk
        self._disks = (disk, *other_disks)
        self._is_busy = self._is_stopped = False

    @property
    def is_free(self) -> bool:
        """True if a step can begin."""
        return not (self._is_busy or self._is_stopped)

    @property
    def silent_s(self) -> float:
        """How long a disk has not answered, seconds; 0 while that is no longer than a step may take."""
        silent_s = max(disk.silent_s for disk in self._disks)
        return silent_s if silent_s > MAX_GAP_S else 0.0

    def begin(self, step: Callable[[], T], on_done: Callable[[T], object]) -> None:
        """Begin a step; only while `is_free`.

        Args:
            step: returns the result, in the disk's thread; it handles the disk's errors.
            on_done: called with the result in the caller's thread, unless the daemon stops.
        """
        self._is_busy = True
        self._disk.submit(step, partial(self._finish, on_done))

    def stop(self, last_step: Callable[[], None]) -> None:
        """Begin the last step as soon as the present one is done, and follow no result any more."""
        self._is_stopped = True
        self._disk.submit(last_step, lambda _: None)

    def join(self, timeout_s: float) -> bool:
        """Wait until the last step is done, `timeout_s` seconds at most; return whether it is."""
        return self._disk.finish(timeout_s)

    def _finish(self, on_done: Callable[[T], object], result: T) -> None:
        self._is_busy = False
        if not self._is_stopped:
            on_done(result)
