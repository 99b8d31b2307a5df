"""Standard output and standard error without control characters: what a program prints is escaped, except its own sequences."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from edged.terminal.escape import escape_text


class SafeStream:
    """A text stream that escapes what is written to it; everything else is the underlying stream's.

    Attributes:
        raw: the underlying stream, for the program's own sequences.
    """

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write a text, escaped; return its length."""
        self.raw.write(escape_text(text, getattr(self.raw, "encoding", None) or "utf-8"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts, escaped."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def safe_standard_streams() -> Iterator[None]:
    """Escape everything that is written to `sys.stdout` and `sys.stderr`, by any library."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = protect(sys.stdout), protect(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def raw_stream(stream: "TextIO | SafeStream") -> TextIO:
    """Return the stream below a `SafeStream`, for control sequences of the program itself; any other stream as it is."""
    return stream.raw if isinstance(stream, SafeStream) else stream


def protect(stream: Any) -> Any:
    """Return a `SafeStream` above a stream, unless it is one or there is none."""
    return stream if stream is None or isinstance(stream, SafeStream) else SafeStream(stream)


def open_missing_streams() -> None:
    """Put the null device in place of standard streams that are closed, as after `>&-`; a file opened later would take their numbers."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(
                os.devnull, os.O_RDWR
            )  # it gets the lowest free number, which is this one
            os.set_inheritable(null, True)  # noqa: FBT003 (positional only)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
