"""Text that people wrote: UTF-8 with or without a byte order mark, or UTF-16 with one, as Windows' editors and shells save it.

Every file that a person may have written is read by these functions: labels, passwords, keys, trust files and configurations.
"""

import codecs
import errno
import os
from pathlib import Path

MAX_BYTES = 16 << 20
"""More than any label list, configuration or key has."""
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextError(ValueError):
    """The content is not text in a supported encoding.

    Attributes:
        reason: what it is not.
        line: number of the first invalid line, from 1.
    """

    def __init__(self, reason: str, *, line: int = 1) -> None:
        super().__init__(f"line {line}: {reason}; save the file as UTF-8")
        self.reason = reason
        self.line = line


def decode_text(content: bytes) -> str:
    """Decode text, without its byte order mark; line endings stay as they are.

    Raises:
        TextError: it is neither UTF-8 nor UTF-16 with a byte order mark.
    """
    name, codec = "UTF-8", "utf-8-sig"
    if content.startswith(_UTF16_MARKS):
        name, codec = "UTF-16, as which it begins", "utf-16"
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TextError(f"not {name}: {error.reason}", line=line) from None


def read_text(path: Path) -> str:
    """Read a text file, without its byte order mark.

    Raises:
        OSError: the file cannot be read, or has more than `MAX_BYTES`.
        TextError: it is neither UTF-8 nor UTF-16 with a byte order mark.
    """
    return decode_text(read_content(path))


def read_content(path: Path) -> bytes:
    """Read a small file; a disk image in its place would fill the memory.

    Raises:
        OSError: the file cannot be read, or has more than `MAX_BYTES`.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def to_utf8(content: bytes) -> bytes:
    """Return text as UTF-8 without a byte order mark; content that is no text is returned unchanged."""
    if content.startswith(_UTF16_MARKS):
        try:
            return decode_text(content).encode()
        except TextError:
            return content
    return content.removeprefix(codecs.BOM_UTF8)
