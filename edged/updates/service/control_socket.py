"""The local socket through which the models of a running daemon are asked about and changed: server and client.

One question a connection. Only root and the daemon's own user are answered; the kernel says who asks (SO_PEERCRED).
"""

import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edged.errors import PacketError, UpdateError
from edged.updates.service.control_messages import (
    MAX_PACKET_BYTES,
    ControlRequest,
    ControlResponse,
    pack,
    unpack_request,
    unpack_response,
)

SOCKET_NAME = "control.sock"
_PEER_CREDENTIALS = struct.Struct("3i")
_REQUEST_TIMEOUT_S = 2.0
"""Who connects asks at once."""
_ACCEPT_RETRY_S = 0.1
_MAX_BACKLOG = 128
"""The kernel sends away who comes then."""
_RESPONSE_TIMEOUT_S = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingControlRequest:
    """Somebody asks; `reply` sends the reply, from any thread, and never raises."""

    request: ControlRequest
    reply: Callable[[ControlResponse], None]


class ControlServer:
    """Listens in a thread of its own; what is asked goes to `on_request`."""

    def __init__(self, folder: Path, on_request: Callable[[PendingControlRequest], None]) -> None:
        """A disk on which no socket can be made is logged, and leaves the daemon without one."""
        self._on_request = on_request
        self._path = folder / SOCKET_NAME
        self._closed = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._path.unlink(missing_ok=True)  # of a daemon that was killed
            with _short_socket_address(folder) as address:
                self._socket.bind(address)
            self._path.chmod(0o600)
        except OSError as error:
            _log.warning("no control socket: %s: %s", self._path, error.strerror)
            self._socket.close()
            return
        self._socket.listen(_MAX_BACKLOG)
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._closed.set()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                self._closed.wait(
                    _ACCEPT_RETRY_S
                )  # it is closed; or there are too many files open for the moment
                continue
            if _is_authorized(connection):
                # Who says nothing keeps nobody waiting.
                threading.Thread(
                    target=self._receive_request, args=(connection,), name="asks", daemon=True
                ).start()
            else:
                connection.close()

    def _receive_request(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(_REQUEST_TIMEOUT_S)
            question = unpack_request(connection.recv(MAX_PACKET_BYTES))
        except (OSError, UpdateError) as error:
            _log.warning("a question on the control socket was not understood: %s", error)
            connection.close()
            return
        self._on_request(PendingControlRequest(question, _Reply(connection)))


class _Reply:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, response: ControlResponse) -> None:
        with suppress(OSError, PacketError), self._connection:  # who asked may be gone
            self._connection.send(pack(response))


def has_control_socket(folder: Path) -> bool:
    """Whether a daemon has made its socket there; it may have been killed since."""
    return os.path.lexists(folder / SOCKET_NAME)


class ControlClient:
    """Asks a running daemon."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Ask, and wait for the answer.

        Raises:
            UpdateError: no daemon listens there, it does not let us ask, or it does not answer.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
            channel.settimeout(_RESPONSE_TIMEOUT_S)
            try:
                with _short_socket_address(self._folder) as address:
                    channel.connect(address)
                channel.send(pack(control_request))
                packet = channel.recv(MAX_PACKET_BYTES)
            except (ConnectionResetError, BrokenPipeError):
                packet = b""  # who is sent away before the question was read
            except OSError as error:
                raise UpdateError(
                    f"the daemon does not answer on {self._folder / SOCKET_NAME}: {error.strerror or error}"
                ) from None
        if not packet:
            raise UpdateError(
                f"the daemon did not answer on {self._folder / SOCKET_NAME}: only root and its own user may ask, or it has just ended"
            )
        return unpack_response(packet)


def _is_authorized(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size
    )
    _, uid, _ = _PEER_CREDENTIALS.unpack(credentials)
    if uid in (0, os.geteuid()):
        return True
    _log.warning("user %d may not use the control socket", uid)
    return False


@contextmanager
def _short_socket_address(folder: Path) -> Iterator[str]:
    """The socket's address, short wherever the folder is: the kernel allows 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
