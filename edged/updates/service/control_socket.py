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

from edged.errors import UpdateError
from edged.updates.service.control_messages import (
    MAX_PACKET_BYTES,
    Answer,
    Question,
    pack,
    unpack_answer,
    unpack_question,
)

NAME = "control.sock"
_PEER = struct.Struct("3i")
_ASK_LIMIT_S = 2.0
"""Who connects asks at once."""
_PAUSE_S = 0.1
_MOST_WAITING = 128
"""The kernel sends away who comes then."""
_ANSWER_LIMIT_S = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks; `answer` sends the reply, from any thread, and never raises."""

    question: Question
    answer: Callable[[Answer], None]


class ControlServer:
    """Listens in a thread of its own; what is asked goes to `notify`."""

    def __init__(self, folder: Path, notify: Callable[[Asked], None]) -> None:
        """A disk on which no socket can be made is logged, and leaves the daemon without one."""
        self._notify = notify
        self._path = folder / NAME
        self._closed = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._path.unlink(missing_ok=True)  # of a daemon that was killed
            with _near(folder) as address:
                self._socket.bind(address)
            self._path.chmod(0o600)
        except OSError as error:
            _log.warning("no control socket: %s: %s", self._path, error.strerror)
            self._socket.close()
            return
        self._socket.listen(_MOST_WAITING)
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
                    _PAUSE_S
                )  # it is closed; or there are too many files open for the moment
                continue
            if _may_ask(connection):
                # Who says nothing keeps nobody waiting.
                threading.Thread(
                    target=self._take, args=(connection,), name="asks", daemon=True
                ).start()
            else:
                connection.close()

    def _take(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(_ASK_LIMIT_S)
            question = unpack_question(connection.recv(MAX_PACKET_BYTES))
        except (OSError, UpdateError) as error:
            _log.warning("a question on the control socket was not understood: %s", error)
            connection.close()
            return
        self._notify(Asked(question, _Reply(connection)))


class _Reply:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, answer: Answer) -> None:
        with suppress(OSError), self._connection:  # who asked may be gone
            self._connection.send(pack(answer))


def listens(folder: Path) -> bool:
    """Whether a daemon has made its socket there; it may have been killed since."""
    return os.path.lexists(folder / NAME)


class ControlClient:
    """Asks a running daemon."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, question: Question) -> Answer:
        """Ask, and wait for the answer.

        Raises:
            UpdateError: no daemon listens there, it does not let us ask, or it does not answer.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
            channel.settimeout(_ANSWER_LIMIT_S)
            try:
                with _near(self._folder) as address:
                    channel.connect(address)
                channel.send(pack(question))
                packet = channel.recv(MAX_PACKET_BYTES)
            except (ConnectionResetError, BrokenPipeError):
                packet = b""  # who is sent away before the question was read
            except OSError as error:
                raise UpdateError(
                    f"the daemon does not answer on {self._folder / NAME}: {error.strerror or error}"
                ) from None
        if not packet:
            raise UpdateError(
                f"the daemon did not answer on {self._folder / NAME}: only root and its own user may ask, or it has just ended"
            )
        return unpack_answer(packet)


def _may_ask(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(credentials)
    if uid in (0, os.geteuid()):
        return True
    _log.warning("user %d may not use the control socket", uid)
    return False


@contextmanager
def _near(folder: Path) -> Iterator[str]:
    """The socket's address, short wherever the folder is: the kernel allows 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)
