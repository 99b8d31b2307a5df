"""One run of a vision worker, seen from the supervisor: its process, its socket, and the thread that listens."""

import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress

from edged.errors import WorkerError
from edged.ipc import child
from edged.vision import messages as protocol
from edged.vision.worker_events import WorkerExited, WorkerMessage

_REAP_TIMEOUT_S = 2.0


class VisionProcess:
    """Started on construction. What the worker says is given to `notify`; its end is given there as `WorkerExited`."""

    def __init__(
        self,
        job: protocol.VisionJob,
        *,
        worker: int,
        run: int,
        notify: Callable[[WorkerMessage | WorkerExited], object],
    ) -> None:
        self._worker = worker
        self._run = run
        self._notify = notify
        packet = protocol.pack(job)
        self._process, self._channel = child.spawn("edged.vision.worker.main")
        with suppress(OSError):  # it died at once; the listener finds out and says so
            self._channel.send(packet)
        self._listener = threading.Thread(
            target=self._listen, name=f"worker-{worker}-listener", daemon=True
        )
        self._listener.start()

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    def send_plan(self, plan: protocol.WorkerPlan) -> None:
        """Look with another model from now on."""
        with suppress(OSError):  # it is gone; its successor is started with this plan
            self._channel.send(protocol.pack(plan))

    def request_stop(self) -> None:
        """Close our direction of the socket: the worker closes its cameras and ends."""
        with suppress(OSError):  # it is gone already
            self._channel.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """End it now; works on a hung process as well."""
        self._process.kill()

    def join(self, timeout_s: float = _REAP_TIMEOUT_S) -> bool:
        """Reap the process; whether it has ended in time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _listen(self) -> None:
        reason = ""
        with self._channel:
            while not reason:
                try:
                    packet = self._channel.recv(protocol.MAX_PACKET_BYTES)
                    if not packet:
                        break
                    message = protocol.unpack(packet)
                except ConnectionResetError:
                    # It ended without reading all that we sent; told once, before what it said last.
                    continue
                except OSError:
                    break
                except WorkerError as error:
                    reason = str(error)
                    self.kill()
                else:
                    self._notify(WorkerMessage(self._worker, self._run, message))
        if not self.join():
            self.kill()  # it closed its socket but does not end
            self.join()
            reason = reason or "closed its channel but did not end"
        if not reason:
            reason = child.describe_exit(self._process.returncode)
        self._notify(WorkerExited(self._worker, self._run, reason))
