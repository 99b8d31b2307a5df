"""Each message as one line of JSON, to a file or to standard output: for benches, pipes and tests."""

import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from edged.interfaces import Delivered, Link, Notice, Outgoing

_RETRY_S = 5.0


class JsonlSettings(Struct, frozen=True, kw_only=True):
    """[jsonl]."""

    path: Annotated[
        str, Meta(description='The file that is appended to; "-" is the standard output.')
    ] = "-"


class JsonlPublisher:
    """Always connected while the file can be written; what is written is delivered.

    A file that fails is tried again every five seconds. There is no will: nobody is left to write it. Nothing is heard. Lines are written in the caller's thread, so a pipe should have a reader.
    """

    Settings: ClassVar[type[msgspec.Struct]] = JsonlSettings

    def __init__(
        self,
        settings: msgspec.Struct,
        *,
        device: str,  # noqa: ARG002 (a file has no client id)
        birth: Callable[[], Sequence[Outgoing]],
        will: Outgoing | None,  # noqa: ARG002 (see the class)
        notify: Callable[[Notice], None],
        listen: Sequence[str] = (),  # noqa: ARG002 (see the class)
    ) -> None:
        assert isinstance(settings, JsonlSettings)  # noqa: S101 (the loader's promise)
        self._path = settings.path
        self._birth = birth
        self._notify = notify
        self._file: IO[bytes] | None = None
        self._retry: threading.Timer | None = None

    def start(self) -> None:
        """See `Publisher`; a file that cannot be opened is told by `Link`."""
        try:
            self._file = (
                sys.stdout.buffer if self._path == "-" else open(self._path, "ab")  # noqa: PTH123, SIM115 (held until close)
            )
            for message in self._birth():
                self._write(message)
        except OSError as error:
            self._lost(error)
        else:
            self._notify(Link(up=True))

    def publish(self, message: Outgoing, token: int | None = None) -> bool:
        """See `Publisher`."""
        if self._file is None:
            return False
        try:
            self._write(message)
        except OSError as error:
            self._lost(error)
            return False
        if token is not None:
            self._notify(Delivered(token))
        return True

    def close(self, last_words: Sequence[Outgoing], timeout_s: float) -> None:  # noqa: ARG002 (a file does not wait)
        """See `Publisher`."""
        for message in last_words:
            self.publish(message)
        if self._retry is not None:
            self._retry.cancel()
        self._release()

    def _write(self, message: Outgoing) -> None:
        if self._file is None:
            return
        self._file.write(line(message))
        self._file.flush()

    def _lost(self, error: OSError) -> None:
        self._release()
        self._retry = threading.Timer(_RETRY_S, self.start)
        self._retry.daemon = True
        self._retry.start()
        self._notify(Link(up=False, reason=f"jsonl.path {self._path}: {error}"))

    def _release(self) -> None:
        if self._file is not None and self._path != "-":
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None


def line(message: Outgoing) -> bytes:
    """A message as a line: JSON payloads stand as they are, others as base64."""
    json_payload = message.payload.startswith(b"{")
    fields = {
        "topic": message.topic,
        "qos": message.qos,
        "retain": message.retain,
        "payload": msgspec.Raw(message.payload) if json_payload else message.payload,
    }
    return msgspec.json.encode(fields) + b"\n"
