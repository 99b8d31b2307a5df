"""Atomic writing of files: a file is written completely or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edged_models.errors import ToolError


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file; on any failure the old one stays.

    Raises:
        ToolError: the file cannot be written.
    """
    with atomic_replacement(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Replace a file by text in UTF-8; on any failure the old one stays.

    Raises:
        ToolError: the file cannot be written.
    """
    write_bytes(path, text.encode())


@contextmanager
def atomic_replacement(path: Path) -> Iterator[Path]:
    """Yield a path to write to; the file there replaces `path` if the block succeeds, and is removed if not.

    The path has the suffix of `path`, because some libraries choose the format by it.

    Raises:
        ToolError: the folder cannot be created, the file cannot be written, or `path` is not a regular file.
    """
    if path.exists() and not path.is_file():
        # A device or a pipe would be replaced by a file.
        raise ToolError(f"cannot write {path}: it exists and is not a regular file")
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        # If the folder does not exist, there is nothing to remove.
        with suppress(OSError):
            partial.unlink(missing_ok=True)
