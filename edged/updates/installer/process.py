"""The parent's handle of an installer process: its socket, and the thread that receives its messages."""

from collections.abc import Callable

from edged.ipc.process import ChildProcess
from edged.updates.installer.messages import (
    FROM_INSTALLER,
    TO_INSTALLER,
    InstallFinished,
    InstallJob,
    InstallProgress,
)


class InstallerProcess:
    """One run of the installer; `start` it from a thread that outlives it, because it dies with that thread.

    Args:
        job: what it is to do.
        lock_descriptor: the descriptor of the store's lock, which it inherits.
        on_message: receives its messages from another thread, and at last one `InstallFinished`, which has an error if the process
            ended abnormally, or was killed.
    """

    def __init__(
        self,
        job: InstallJob,
        *,
        lock_descriptor: int,
        on_message: Callable[[InstallProgress | InstallFinished], None],
    ) -> None:
        self._job = job
        self._lock_descriptor = lock_descriptor
        self._on_message = on_message
        self._finished: InstallFinished | None = None

    def start(self) -> "InstallerProcess":
        """Start the process, and return this handle.

        Raises:
            WorkerError: the process cannot be started.
            PacketError: the job is larger than a packet may be.
        """
        self._child = ChildProcess.start(
            "edged.updates.installer.main",
            sent=TO_INSTALLER,
            received=FROM_INSTALLER,
            first_message=self._job,
            pass_fds=(self._lock_descriptor,),
        )
        self._child.listen(self._on_child_message, self._on_child_exit, name="installer")
        return self

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._child.pid

    def kill(self) -> None:
        """Kill the process without waiting; its end follows, and it does not write to the store any more then."""
        self._child.kill()

    def _on_child_message(self, message: InstallProgress | InstallFinished) -> bool:
        """Forward progress; keep the last message until the process has ended."""
        if isinstance(message, InstallFinished):
            self._finished = message
            return True
        self._on_message(message)
        return False

    def _on_child_exit(self, reason: str) -> None:
        self._on_message(self._finished or InstallFinished(error=f"the installer {reason}"))
