"""The parent's handle of an installer process, in the supervisor's loop."""

from collections.abc import Callable

from edged.event_loop import EventLoop
from edged.ipc.watched_child import WatchedChild
from edged.updates.installer.messages import (
    FROM_INSTALLER,
    TO_INSTALLER,
    InstallFinished,
    InstallJob,
    InstallProgress,
)

_MAX_MESSAGES = 64
"""Messages read in one pass of the loop."""


class InstallerProcess:
    """One run of the installer; `start` it in the loop's thread, with which it dies.

    Args:
        job: what it is to do.
        lock_descriptor: the descriptor of the store's lock, which it inherits.
        loop: watches the process.
        on_message: receives its messages from callbacks of the loop, and at last one `InstallFinished`, which has an error if the process
            ended abnormally, or was killed.
    """

    def __init__(
        self,
        job: InstallJob,
        *,
        lock_descriptor: int,
        loop: EventLoop,
        on_message: Callable[[InstallProgress | InstallFinished], object],
    ) -> None:
        self._job = job
        self._lock_descriptor = lock_descriptor
        self._loop = loop
        self._on_message = on_message
        self._finished: InstallFinished | None = None

    def start(self) -> "InstallerProcess":
        """Start the process, and return this handle.

        Raises:
            WorkerError: the process cannot be started.
            PacketError: the job is larger than a packet may be.
        """
        self._child = WatchedChild.start(
            "edged.updates.installer.main",
            loop=self._loop,
            sent=TO_INSTALLER,
            received=FROM_INSTALLER,
            first_message=self._job,
            pass_fds=(self._lock_descriptor,),
        )
        self._child.watch(self._read, self._on_exit)
        return self

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._child.pid

    def kill(self) -> None:
        """Kill the process without waiting; its end follows, and it does not write to the store any more then."""
        self._child.kill()

    def _read(self) -> None:
        """Forward progress; keep the last message until the process has ended."""
        for _ in range(_MAX_MESSAGES):
            message = self._child.read()
            if message is None:
                return
            if isinstance(message, InstallFinished):
                self._finished = message
            else:
                self._on_message(message)

    def _on_exit(self, reason: str) -> None:
        self._on_message(self._finished or InstallFinished(error=f"the installer {reason}"))
