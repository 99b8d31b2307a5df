"""The control socket, through which local commands query and change the models of a running daemon: server and client.

A connection carries one request. Only root and the daemon's own user are served; the kernel reports the peer's user (SO_PEERCRED).
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

from msgspec.structs import replace

from edged.errors import PacketError, UpdateError
from edged.updates.service.control_messages import (
    MAX_PACKET_BYTES,
    ControlRequest,
    ControlResponse,
    InstallRequest,
    StatusRequest,
    pack,
    unpack_request,
    unpack_response,
)
from edged.updates.service.local_file import check_local_file

SOCKET_NAME = "control.sock"
_PEER_CREDENTIALS = struct.Struct("3i")
_REQUEST_TIMEOUT_S = 2.0
"""A client sends its request at once."""
_ACCEPT_RETRY_S = 0.1
_MAX_BACKLOG = 128
"""The kernel refuses further connections."""
_RESPONSE_TIMEOUT_S = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingControlRequest:
    """A request that waits for its response.

    Attributes:
        request: the request.
        reply: sends the response; callable from any thread, never raises.
    """

    request: ControlRequest
    reply: Callable[[ControlResponse], None]


class ControlServer:
    """Receives requests in a thread of its own."""

    def __init__(self, folder: Path, on_request: Callable[[PendingControlRequest], None]) -> None:
        """Prepare a server without opening its socket.

        Args:
            folder: the folder of the socket.
            on_request: receives each request, from another thread.
        """
        self._on_request = on_request
        self._folder = folder
        self._path = folder / SOCKET_NAME
        self._closed = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def start(self) -> None:
        """Open the socket and listen; if it cannot be made, log that and go on without it."""
        try:
            self._path.unlink(missing_ok=True)  # of a daemon that was killed
            with _short_socket_address(self._folder) as address:
                self._socket.bind(address)
            self._path.chmod(0o600)
        except OSError as error:
            _log.warning(
                "the control socket %s cannot be made, `edged model` cannot reach this daemon: %s",
                self._path,
                error.strerror,
            )
            self._socket.close()
            return
        self._socket.listen(_MAX_BACKLOG)
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def close(self) -> None:
        """Close the socket, and serve no further request."""
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
                self._closed.wait(_ACCEPT_RETRY_S)  # it is closed, or there are too many open files
                continue
            if _is_authorized(connection):
                # A client that sends nothing must not make others wait.
                threading.Thread(
                    target=self._receive_request,
                    args=(connection,),
                    name="control-request",
                    daemon=True,
                ).start()
            else:
                connection.close()

    def _receive_request(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(_REQUEST_TIMEOUT_S)
            request = unpack_request(connection.recv(MAX_PACKET_BYTES))
        except (OSError, UpdateError) as error:
            _log.warning("the control socket received no valid request: %s", error)
            connection.close()
            return
        self._on_request(_check_request(request, _Reply(connection)))


def _check_request(
    request: ControlRequest, reply: Callable[[ControlResponse], None]
) -> PendingControlRequest:
    """Return the request; instead of one whose file cannot be read, a request for the status, whose response gets the reason.

    The check reads the disk, so it belongs into the thread of the request.
    """
    if isinstance(request, InstallRequest):
        try:
            check_local_file(request.request.source)
        except UpdateError as error:
            reason = str(error)
            return PendingControlRequest(
                StatusRequest(), lambda response: reply(replace(response, error=reason))
            )
    return PendingControlRequest(request, reply)


class _Reply:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, response: ControlResponse) -> None:
        with suppress(OSError, PacketError), self._connection:  # the client may have ended
            self._connection.send(pack(response))


def has_control_socket(folder: Path) -> bool:
    """Return whether there is a control socket, of a daemon that may have been killed since."""
    return os.path.lexists(folder / SOCKET_NAME)


class ControlClient:
    """Sends requests to a running daemon."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Send a request, and wait for the response.

        Raises:
            UpdateError: no daemon listens there, it refuses this user, or it does not respond.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
            channel.settimeout(_RESPONSE_TIMEOUT_S)
            try:
                with _short_socket_address(self._folder) as address:
                    channel.connect(address)
                channel.send(pack(control_request))
                packet = channel.recv(MAX_PACKET_BYTES)
            except (ConnectionResetError, BrokenPipeError):
                packet = b""  # refused before the request was read
            except OSError as error:
                raise UpdateError(
                    f"the daemon does not respond on {self._folder / SOCKET_NAME}: {error.strerror or error}"
                ) from None
        if not packet:
            raise UpdateError(
                f"the daemon closed {self._folder / SOCKET_NAME} without a response: it serves only root and its own user, it does not know the request, or it has just ended"
            )
        return unpack_response(packet)


def _is_authorized(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size
    )
    _, uid, _ = _PEER_CREDENTIALS.unpack(credentials)
    if uid in (0, os.geteuid()):
        return True
    _log.warning("the control socket refused user %d", uid)
    return False


@contextmanager
def _short_socket_address(folder: Path) -> Iterator[str]:
    """Yield a short address of the socket, however long the folder's path is: the kernel allows 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
