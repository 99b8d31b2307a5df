"""A file that is on this host: a path, or a file URL."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from edged.clock import Clock
from edged.errors import BundleError, DownloadError, UpdateError
from edged.interfaces import Transfer

_CHUNK_BYTES = 1 << 18
_UNAVAILABLE_ERRORS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


class FileFetcher:
    """See `edged.interfaces.Fetcher`."""

    def __init__(self, clock: Clock) -> None:
        del clock

    @contextmanager
    def fetch(
        self, url: str, *, offset_bytes: int, etag: str, max_bytes: int
    ) -> Iterator[Transfer]:
        """See `edged.interfaces.Fetcher`."""
        path = path_of(url)
        with _open(path) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UpdateError(f"{path} is not a file")
            if status.st_size > max_bytes:
                raise BundleError(
                    f"{path} has {status.st_size} bytes; {max_bytes} are the most that is taken"
                )
            found = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
            goes_on = etag == found and offset_bytes <= status.st_size
            start_bytes = offset_bytes if goes_on else 0
            yield Transfer(
                offset_bytes=start_bytes,
                total_bytes=status.st_size,
                etag=found,
                chunks=_read_chunks(file, path, start_bytes, status.st_size),
            )


def path_of(url: str) -> Path:
    """The path that is meant.

    Raises:
        UpdateError: a file URL that means another host.
    """
    if not url.lower().startswith("file:"):
        return Path(url)
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UpdateError(f"{url} is on another host: write file:///PATH")
    return Path(unquote(parts.path))


def _open(path: Path) -> BinaryIO:
    try:
        # What is no file must not be waited for.
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", 0)
    except _UNAVAILABLE_ERRORS as error:
        raise UpdateError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise DownloadError(f"cannot read {path}: {error.strerror}") from error


def _read_chunks(
    file: BinaryIO, path: Path, offset_bytes: int, total_bytes: int
) -> Iterator[bytes]:
    at = offset_bytes
    try:
        file.seek(at)
        while at < total_bytes and (piece := file.read(min(_CHUNK_BYTES, total_bytes - at))):
            at += len(piece)
            yield piece
    except OSError as error:
        raise DownloadError(f"cannot read {path}: {error.strerror}") from error
    if at < total_bytes:
        raise DownloadError(f"{path} became shorter while it was read")
