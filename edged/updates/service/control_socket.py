"""The control socket, through which local commands query and change the models of a running daemon: its client, and what the server hands on."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edged.errors import UpdateError
from edged.updates.service.control_messages import (
    MAX_PACKET_BYTES,
    ControlRequest,
    ControlResponse,
    pack,
    unpack_response,
)

SOCKET_NAME = "control.sock"
_RESPONSE_TIMEOUT_S = 30.0
_CREDENTIALS = struct.Struct("3i")
"""struct ucred: process, user and group."""


@dataclass(frozen=True, slots=True)
class PendingControlRequest:
    """A request that waits for its response.

    Attributes:
        request: the request.
        reply: sends the response; called once, in the loop's thread, never raises.
    """

    request: ControlRequest
    reply: Callable[[ControlResponse], None]


def has_control_socket(folder: Path) -> bool:
    """Return whether there is a control socket, of a daemon that may have been killed since."""
    return os.path.lexists(folder / SOCKET_NAME)


def find_daemon(folder: Path) -> int | None:
    """Return the process id of the daemon that listens on the control socket; None if none does.

    Raises:
        UpdateError: the socket may not be used by this user.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        try:
            with short_socket_address(folder) as address:
                channel.connect(address)
        except PermissionError as error:
            raise UpdateError(
                f"{folder / SOCKET_NAME}: {error.strerror}; run this as root, or as the daemon's user"
            ) from None
        except OSError:
            return None
        # Of a socket that listens, the kernel reports the process that began to.
        peer = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid: int = _CREDENTIALS.unpack(peer)[0]
        return pid or None


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
                with short_socket_address(self._folder) as address:
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


@contextmanager
def short_socket_address(folder: Path) -> Iterator[str]:
    """Yield a short address of the socket, however long the folder's path is: the kernel allows 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
