"""A publisher that writes each message as one line of JSON to a file or to standard output: for benchmarks, pipes and tests."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from edged.config.addresses import PATH_TEXT
from edged.interfaces import (
    ConsumerClosed,
    Delivered,
    Library,
    LinkChanged,
    Notice,
    OutgoingMessage,
)
from edged.terminal.escape import escape_text

_log = logging.getLogger(__name__)

_RETRY_INTERVAL_S = 5.0


class JsonlSettings(Struct, frozen=True, kw_only=True):
    """[jsonl]."""

    path: Annotated[
        str,
        Meta(
            extra=PATH_TEXT,
            description='The file to which messages are appended; "-" is the standard output.',
        ),
    ] = "-"

    @property
    def written_files(self) -> dict[str, Path]:
        """The files that are written, by key, for ``edged check``."""
        return {} if self.path == "-" else {"path": Path(self.path)}


class JsonlPublisher:
    """Writes messages to a file; it is connected while the file can be written, and a written message is delivered.

    A file that cannot be written is tried again every five seconds, and one that was removed or rotated is made again. There is no will, because no other process could write it, and no
    message is received. Lines are written in the caller's thread, so a pipe should have a reader; when the reader of the standard output
    has closed it, the daemon ends.
    """

    Settings: ClassVar[type[msgspec.Struct]] = JsonlSettings
    libraries: ClassVar[tuple[Library, ...]] = ()

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        device: str,  # noqa: ARG002 (a file has no client id)
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage | None,  # noqa: ARG002 (see the class)
        on_notice: Callable[[Notice], None],
        subscriptions: Sequence[str] = (),  # noqa: ARG002 (see the class)
    ) -> None:
        assert isinstance(settings, JsonlSettings)  # noqa: S101 (the loader guarantees it)
        self._path = settings.path
        self._birth = birth
        self._on_notice = on_notice
        self._file: IO[bytes] | None = None
        self._retry_timer: threading.Timer | None = None
        self._last_reason: str | None = None

    def start(self) -> None:
        """Open the file and write the birth messages; if that fails, report it by `LinkChanged`."""
        try:
            self._file = sys.stdout.buffer if self._path == "-" else _open_to_append(self._path)
            for message in self._birth():
                self._write(message)
        except OSError as error:
            self._handle_failure(error)
        else:
            self._last_reason = None
            self._on_notice(LinkChanged(up=True))

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Write a message; return False if the file cannot be written."""
        if self._file is None:
            return False
        try:
            self._write(message)
        except OSError as error:
            self._handle_failure(error)
            return False
        if token is not None:
            self._on_notice(Delivered(token))
        return True

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:  # noqa: ARG002 (a file does not wait)
        """Write `final_messages` and close the file."""
        for message in final_messages:
            self.publish(message)
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        self._close_file()

    def _write(self, message: OutgoingMessage) -> None:
        if self._file is None:
            return
        if self._path != "-" and not _is_file_at(self._file, self._path):  # removed, or rotated
            self._file.close()
            self._file = _open_to_append(self._path)
        self._file.write(encode_line(message))
        self._file.flush()

    def _handle_failure(self, error: OSError) -> None:
        self._close_file()
        if self._path == "-" and isinstance(error, BrokenPipeError):
            self._on_notice(ConsumerClosed("the reader of the standard output has closed it"))
            return
        reason = f"jsonl.path {self._path}: {error.strerror or error}"
        if reason != self._last_reason:
            _log.warning("%s; trying again every %g s", reason, _RETRY_INTERVAL_S)
        self._last_reason = reason
        self._retry_timer = threading.Timer(_RETRY_INTERVAL_S, self.start)
        self._retry_timer.daemon = True
        self._retry_timer.start()
        self._on_notice(LinkChanged(up=False, reason=reason))

    def _close_file(self) -> None:
        if self._file is not None and self._path != "-":
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None


def _open_to_append(path: str) -> IO[bytes]:
    """Open a file, and end a line of which a full disk or a power cut has left a part.

    Raises:
        OSError: it cannot be opened; also a named pipe that nobody reads.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    # Without O_NONBLOCK, opening a named pipe would wait for its reader, and the daemon with it.
    fd = os.open(path, flags | os.O_NONBLOCK, 0o666)
    os.set_blocking(fd, True)
    file = os.fdopen(fd, "ab")
    if _has_incomplete_line(Path(path)):
        file.write(b"\n")
    return file


def _has_incomplete_line(path: Path) -> bool:
    """Return whether a regular file does not end with a line feed; False if it cannot be read."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return (
                file.seek(0, os.SEEK_END) > 0
                and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
            )
    except PermissionError:
        return False


def _is_file_at(file: IO[bytes], path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))  # noqa: PTH116 (every message)
    except FileNotFoundError:
        return False


def encode_line(message: OutgoingMessage) -> bytes:
    """Return a message as a line; a JSON payload is included as it is, any other as base64."""
    json_payload = message.payload.startswith(b"{")
    fields = {
        "topic": message.topic,
        "qos": message.qos,
        "retain": message.retain,
        "payload": msgspec.Raw(message.payload) if json_payload else message.payload,
    }
    line = msgspec.json.encode(fields).decode()
    return escape_text(line).encode() + b"\n"  # the same JSON, and safe to show on a terminal
