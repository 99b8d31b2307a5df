"""The parent's handle of an installer process: its socket, and the thread that receives its messages."""

import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress

from edged.errors import WorkerError
from edged.ipc import child
from edged.updates.installer import messages as installprotocol
from edged.updates.installer.messages import InstallFinished, InstallJob, InstallProgress

_REAP_TIMEOUT_S = 2.0


class InstallerProcess:
    """One run of the installer; `start` it from a thread that outlives it, because it dies with that thread.

    Args:
        job: what it is to do.
        lock_descriptor: the descriptor of the store's lock, which it inherits.
        on_message: receives its messages from another thread, and at last one `InstallFinished`, which has an error if the process
            ended abnormally. It receives nothing after `kill`.
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
        self._killed = threading.Event()

    def start(self) -> "InstallerProcess":
        """Start the process, and return this handle.

        Raises:
            WorkerError: the process cannot be started.
        """
        packet = installprotocol.pack(self._job)
        try:
            self._process, self._channel = child.spawn(
                "edged.updates.installer.main", pass_fds=(self._lock_descriptor,)
            )
        except OSError as error:
            raise WorkerError(f"the installer cannot be started: {error.strerror}") from error
        with suppress(OSError):  # it died at once, which the listener reports
            self._channel.send(packet)
        self._listener = threading.Thread(target=self._listen, name="installer", daemon=True)
        self._listener.start()
        return self

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the process, and wait until it has ended: it does not write to the store any more."""
        self._killed.set()
        self._process.kill()
        self._process.wait()
        self._listener.join(_REAP_TIMEOUT_S)

    def _listen(self) -> None:
        finished, reason = None, ""
        with self._channel:
            while not (finished or reason):
                try:
                    packet = self._channel.recv(installprotocol.MAX_PACKET_BYTES)
                    if not packet:
                        break
                    message = installprotocol.unpack(packet)
                except OSError:
                    break
                except WorkerError as error:
                    reason = str(error)
                    self._process.kill()
                else:
                    if isinstance(message, InstallFinished):
                        finished = message
                    else:
                        self._emit(message)
        end = self._reap(reason)
        self._emit(finished or InstallFinished(error=end))

    def _emit(self, message: InstallProgress | InstallFinished) -> None:
        if not self._killed.is_set():
            self._on_message(message)

    def _reap(self, reason: str) -> str:
        try:
            self._process.wait(_REAP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return reason or "the installer closed its socket but did not end"
        return reason or f"the installer {child.describe_exit(self._process.returncode)}"
