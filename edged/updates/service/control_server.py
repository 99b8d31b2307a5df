"""The server of the control socket, in the supervisor's loop.

A connection carries one request. Only root and the daemon's own user are served; the kernel reports the peer's user (SO_PEERCRED).
"""

import logging
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from edged.disk_thread import DiskQueue
from edged.errors import PacketError, UpdateError
from edged.event_loop import EventLoop
from edged.updates.service.control_messages import (
    MAX_PACKET_BYTES,
    ControlRequest,
    ControlResponse,
    InstallRequest,
    StatusRequest,
    pack,
    unpack_request,
)
from edged.updates.service.control_socket import (
    SOCKET_NAME,
    PendingControlRequest,
    short_socket_address,
)
from edged.updates.service.local_file import check_local_file

_PEER_CREDENTIALS = struct.Struct("3i")
_REQUEST_TIMEOUT_S = 2.0
"""A client sends its request at once."""
_ACCEPT_RETRY_S = 0.1
MAX_CONNECTIONS = 16
"""Clients that are served at a time, those that wait for their response included."""
_MAX_BACKLOG = 128
"""The kernel refuses further connections."""

_log = logging.getLogger(__name__)


class ControlServer:
    """Receives requests in the supervisor's loop. Slow clients make nobody wait, and there is a limit to their number."""

    def __init__(
        self,
        folder: Path,
        on_request: Callable[[PendingControlRequest], object],
        *,
        loop: EventLoop,
        disk: DiskQueue,
    ) -> None:
        """Prepare a server without opening its socket.

        Args:
            folder: the folder of the socket.
            on_request: receives each request, in the loop's thread.
            loop: watches the socket and the connections.
            disk: makes and deletes the socket's file, and looks at the files that requests name.
        """
        self._on_request = on_request
        self._path = folder / SOCKET_NAME
        self._loop = loop
        self._disk = disk
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connections: set[_Connection] = set()

    def start(self) -> None:
        """Open the socket and listen; if it cannot be made, log that and go on without it."""
        self._disk.submit(self._bind, self._listen)

    def close(self) -> None:
        """Close the socket, and serve no further request."""
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        for connection in tuple(self._connections):
            connection.close()
        self._disk.submit(self._unlink, lambda _: None)

    def _bind(self) -> OSError | None:
        try:
            self._path.unlink(missing_ok=True)  # of a daemon that was killed
            with short_socket_address(self._path.parent) as address:
                self._socket.bind(address)
            self._path.chmod(0o600)
        except OSError as error:
            return error
        return None

    def _unlink(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _listen(self, error: OSError | None) -> None:
        if self._socket.fileno() < 0:
            return  # it was closed while the disk was silent
        if error is not None:
            _log.warning(
                "the control socket %s cannot be made, `edged model` cannot reach this daemon: %s",
                self._path,
                error.strerror,
            )
            self._socket.close()
            return
        self._socket.setblocking(False)  # noqa: FBT003 (the standard library's)
        self._socket.listen(_MAX_BACKLOG)
        self._loop.watch(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            channel, _ = self._socket.accept()
        except (
            OSError
        ):  # there are too many open files, or the client is gone: looked at again later
            self._pause()
            self._loop.call_later(_ACCEPT_RETRY_S, self._resume)
            return
        if not _is_authorized(channel):
            channel.close()
            return
        self._connections.add(_Connection(channel, self._loop, self._receive, self._on_closed))
        if len(self._connections) >= MAX_CONNECTIONS:
            self._pause()  # further clients wait in the kernel's backlog

    def _on_closed(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        self._resume()

    def _pause(self) -> None:
        self._loop.unwatch(self._socket.fileno())

    def _resume(self) -> None:
        if self._socket.fileno() >= 0 and len(self._connections) < MAX_CONNECTIONS:
            self._loop.watch(self._socket.fileno(), self._accept)

    def _receive(self, request: ControlRequest, connection: "_Connection") -> None:
        """Hand a request on; instead of one whose file cannot be read, a request for the status, whose response gets the reason."""
        if not isinstance(request, InstallRequest):
            self._on_request(PendingControlRequest(request, connection.reply))
            return
        source = request.request.source

        def hand_on(reason: str | None) -> None:
            if reason is None:
                self._on_request(PendingControlRequest(request, connection.reply))
                return
            self._on_request(
                PendingControlRequest(
                    StatusRequest(),
                    lambda response: connection.reply(replace(response, error=reason)),
                )
            )

        self._disk.submit(lambda: _find_file_problem(source), hand_on)


class _Connection:
    """One client: its request must come in time, and gets one response."""

    def __init__(
        self,
        channel: socket.socket,
        loop: EventLoop,
        on_request: Callable[[ControlRequest, "_Connection"], object],
        on_closed: Callable[["_Connection"], object],
    ) -> None:
        channel.setblocking(False)  # noqa: FBT003 (the standard library's)
        self._channel = channel
        self._loop = loop
        self._on_request = on_request
        self._on_closed = on_closed
        self._deadline = loop.call_later(_REQUEST_TIMEOUT_S, self._refuse)
        loop.watch(channel.fileno(), self._read)

    def reply(self, response: ControlResponse) -> None:
        with suppress(OSError, PacketError):  # the client may have ended
            self._channel.send(pack(response))
        self.close()

    def close(self) -> None:
        if self._channel.fileno() >= 0:
            self._end_request()
            self._channel.close()
            self._on_closed(self)

    def _read(self) -> None:
        try:
            request = unpack_request(self._channel.recv(MAX_PACKET_BYTES))
        except (OSError, UpdateError) as error:
            self._refuse(error)
            return
        self._end_request()
        self._on_request(request, self)

    def _refuse(self, error: object = "it came too late") -> None:
        _log.warning("the control socket received no valid request: %s", error)
        self.close()

    def _end_request(self) -> None:
        """Wait for nothing from this client any more."""
        self._deadline.cancel()
        self._loop.unwatch(self._channel.fileno())


def _find_file_problem(source: str) -> str | None:
    """Return why the file that a request names cannot be read; None if it can."""
    try:
        check_local_file(source)
    except UpdateError as error:
        return str(error)
    return None


def _is_authorized(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size
    )
    _, uid, _ = _PEER_CREDENTIALS.unpack(credentials)
    if uid in (0, os.geteuid()):
        return True
    _log.warning("the control socket refused user %d", uid)
    return False
