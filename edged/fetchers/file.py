"""A file on this host: a path, or a file URL."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edged.clock import Clock
from edged.errors import BundleError, DownloadError, UpdateError
from edged.interfaces import Transfer
from edged.redaction import display_url
from edged.updates.rules.source import source_path

_CHUNK_BYTES = 1 << 18
_UNAVAILABLE_ERRORS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


class FileFetcher:
    """Reads a file on this host; inode, size and time of change together serve as its etag."""

    def __init__(self, clock: Clock) -> None:
        del clock

    @contextmanager
    def fetch(
        self, url: str, *, offset_bytes: int, etag: str | None, max_bytes: int
    ) -> Iterator[Transfer]:
        """Open the file, at `offset_bytes` if it is unchanged.

        Args:
            url: a path or a file URL.
            offset_bytes: number of bytes that are already here.
            etag: the state of the file that those bytes belong to; None if unknown.
            max_bytes: largest size that is accepted.

        Raises:
            DownloadError: the file cannot be read; trying again may help.
            BundleError: the file is larger than `max_bytes`.
            UpdateError: there is no such file, it may not be read, or the URL names another host.
        """
        path = source_path(url)
        if path is None:
            raise UpdateError(f"{display_url(url)}: neither a path nor a file URL")
        with _open(path) as file:
            status = os.fstat(file.fileno())
            _check_status(path, status, max_bytes)
            current_etag = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
            resumes = etag == current_etag and offset_bytes <= status.st_size
            start_bytes = offset_bytes if resumes else 0
            yield Transfer(
                offset_bytes=start_bytes,
                total_bytes=status.st_size,
                etag=current_etag,
                chunks=_read_chunks(file, path, start_bytes, status.st_size),
            )


def _check_status(path: Path, status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UpdateError(f"{path}: not a regular file")
    if status.st_size > max_bytes:
        raise BundleError(
            f"{path}: it has {status.st_size} bytes, but at most {max_bytes} are accepted"
        )


def _open(path: Path) -> BinaryIO:
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", 0)
    except _UNAVAILABLE_ERRORS as error:
        raise UpdateError(f"{path}: cannot be read: {error.strerror}") from error
    except OSError as error:
        raise DownloadError(f"{path}: cannot be read: {error.strerror}") from error


def _read_chunks(
    file: BinaryIO, path: Path, offset_bytes: int, total_bytes: int
) -> Iterator[bytes]:
    position = offset_bytes
    try:
        file.seek(position)
        while chunk := file.read(min(_CHUNK_BYTES, total_bytes - position)):
            position += len(chunk)
            yield chunk
    except OSError as error:
        raise DownloadError(f"{path}: cannot be read: {error.strerror}") from error
    if position < total_bytes:
        raise DownloadError(f"{path}: the file became shorter while it was read")
