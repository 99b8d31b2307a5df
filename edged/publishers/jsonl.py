"""A publisher that writes each message as one line of JSON to a file or to standard output: for benchmarks, pipes and tests."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from edged.clock import Deadline, SystemClock
from edged.config.addresses import PATH_TEXT
from edged.disk_thread import DiskThread
from edged.event_loop import EventLoop, Timer
from edged.interfaces import (
    ConsumerClosed,
    Delivered,
    Library,
    LinkChanged,
    Notice,
    OutgoingMessage,
    RoomAvailable,
)
from edged.publishers.jsonl_file import STDOUT, LineFile, open_line_file
from edged.terminal.escape import escape_text

_log = logging.getLogger(__name__)

_RETRY_INTERVAL_S = 5.0
_MAX_SILENT_S = 0.5
"""After this time without an answer of the disk or of a pipe's reader, what would be old soon is not taken."""
_MAX_WAITING_BYTES = 1 << 20


class JsonlSettings(Struct, frozen=True, kw_only=True):
    """[jsonl]."""

    path: Annotated[
        str,
        Meta(
            extra=PATH_TEXT,
            description='The file to which messages are appended; "-" is the standard output.',
        ),
    ] = STDOUT

    @property
    def written_files(self) -> dict[str, Path]:
        """The files that are written, by key, for ``edged check``."""
        return {} if self.path == STDOUT else {"path": Path(self.path)}


class JsonlPublisher:
    """Writes messages to a file; it is connected while the file can be written, and a written message is delivered.

    A thread writes, because a disk can be silent and a pipe's reader can be slow. A file that cannot be written is tried again every five
    seconds, and one that was removed or rotated is made again. There is no will, because no other process could write it, and no message is
    received. When the reader of the standard output has closed it, the daemon ends.
    """

    Settings: ClassVar[type[msgspec.Struct]] = JsonlSettings
    libraries: ClassVar[tuple[Library, ...]] = ()

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        loop: EventLoop,
        device: str,  # noqa: ARG002 (a file has no client id)
        birth: Callable[[], Sequence[OutgoingMessage]],
        will: OutgoingMessage | None,  # noqa: ARG002 (see the class)
        on_notice: Callable[[Notice], None],
        subscriptions: Sequence[str] = (),  # noqa: ARG002 (see the class)
    ) -> None:
        assert isinstance(settings, JsonlSettings)  # noqa: S101 (the loader guarantees it)
        self._path = settings.path
        self._loop = loop
        self._birth = birth
        self._on_notice = on_notice
        self._disk = DiskThread("jsonl", clock=SystemClock(), post=loop.call_soon)
        self._file: LineFile | None = None
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._tokens: list[int] = []
        """Of the messages whose lines wait."""
        self._is_busy = False
        """Whether the thread opens or writes the file."""
        self._is_up = False
        self._is_room_awaited = False
        self._is_closing = False
        self._retry_timer: Timer | None = None
        self._last_reason: str | None = None

    def start(self) -> None:
        """Open the file and write the birth messages; `LinkChanged` reports the outcome."""
        self._is_busy = True
        self._disk.submit(partial(open_line_file, self._path), self._on_opened)

    def publish(self, message: OutgoingMessage, token: int | None = None) -> bool:
        """Write a message; return False if it was not taken."""
        if not self._is_up:
            return False
        if token is not None:
            self._tokens.append(token)
        elif not self._has_room:
            self._is_room_awaited = True
            return False
        self._put(message)
        self._write_waiting()
        return True

    def close(self, final_messages: Sequence[OutgoingMessage], timeout_s: float) -> None:
        """Write `final_messages` and close the file, both within `timeout_s`."""
        deadline = Deadline(SystemClock(), timeout_s)
        self._is_closing = True
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        if self._is_up:
            for message in final_messages:
                self._put(message)
            self._write_waiting()
        while self._is_up and self._is_busy and not deadline.expired:
            self._loop.run_once(deadline.remaining_s)
        self._is_up = False
        if self._file is not None:
            self._disk.submit(self._file.close, lambda _: None)
            self._file = None
        self._disk.finish(deadline.remaining_s)

    @property
    def _has_room(self) -> bool:
        return (
            self._waiting_bytes < _MAX_WAITING_BYTES
            and self._disk.silent_s < _MAX_SILENT_S
            and not self._is_closing
        )

    def _put(self, message: OutgoingMessage) -> None:
        line = encode_line(message)
        self._lines.append(line)
        self._waiting_bytes += len(line)

    def _write_waiting(self) -> None:
        """Let the thread write what waits, unless it is at work: then it does so afterwards."""
        if self._is_busy or self._file is None or not self._lines:
            return
        lines, tokens = b"".join(self._lines), self._tokens
        self._lines, self._tokens, self._waiting_bytes = [], [], 0
        self._is_busy = True
        self._disk.submit(partial(self._file.write, lines), partial(self._on_written, tokens))

    def _on_opened(self, opened: LineFile | OSError) -> None:
        self._is_busy = False
        if isinstance(opened, OSError):
            self._fail(opened)
            return
        self._file = opened
        if self._is_closing:
            opened.close()
            self._file = None
            return
        for message in self._birth():
            self._put(message)
        self._is_busy = True
        lines = b"".join(self._lines)
        self._lines, self._waiting_bytes = [], 0
        self._disk.submit(partial(opened.write, lines), self._on_born)

    def _on_born(self, error: OSError | None) -> None:
        self._is_busy = False
        if error is not None:
            self._fail(error)
            return
        self._last_reason = None
        self._is_up = True
        self._on_notice(LinkChanged(up=True))

    def _on_written(self, tokens: Sequence[int], error: OSError | None) -> None:
        self._is_busy = False
        if error is not None:
            self._fail(error)
            return
        self._write_waiting()
        for token in tokens:
            self._on_notice(Delivered(token))
        if self._is_room_awaited and self._has_room:
            self._is_room_awaited = False
            self._on_notice(RoomAvailable())

    def _fail(self, error: OSError) -> None:
        self._is_up = False
        self._lines, self._tokens, self._waiting_bytes = [], [], 0
        if self._file is not None:
            self._disk.submit(self._file.close, lambda _: None)
            self._file = None
        if self._is_closing:
            return
        if self._path == STDOUT and isinstance(error, BrokenPipeError):
            self._on_notice(ConsumerClosed("the reader of the standard output has closed it"))
            return
        reason = f"jsonl.path {self._path}: {error.strerror or error}"
        if reason != self._last_reason:
            _log.warning("%s; trying again every %g s", reason, _RETRY_INTERVAL_S)
        self._last_reason = reason
        self._retry_timer = self._loop.call_later(_RETRY_INTERVAL_S, self.start)
        self._on_notice(LinkChanged(up=False, reason=reason))


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
