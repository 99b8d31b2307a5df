"""Writing files whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edged_models.errors import ToolError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file; on any failure what stood there before still does.

    Raises:
        ToolError: it cannot be written.
    """
    with atomic_replacement(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, text.encode())


@contextmanager
def atomic_replacement(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the name `path` if the block succeeds, and is removed if not.

    It keeps the suffix, since some libraries choose the format by it.

    Raises:
        ToolError: the folder cannot be made, or the file not written, or something else than a file is there.
    """
    if path.exists() and not path.is_file():
        # A device or a pipe would be replaced by a file.
        raise ToolError(f"cannot write {path}: something that is no file is there")
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
        # Where its folder is none, there is nothing to remove, and the error above says so.
        with suppress(OSError):
            partial.unlink(missing_ok=True)
