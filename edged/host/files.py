"""Every change that a model store makes to the disk goes through here: one thin layer, which tests replace by one that records or fails.

A change is durable only after `sync` (a file's content) and `sync_folder` (the names in a folder); what is not may be there
after a power cut or not, in any order.
"""

import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from edged.errors import StoreError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class FileSystem(Protocol):
    """What a store may do; every method raises `StoreError` with the path and what to do."""

    def read(self, path: Path, max_bytes: int) -> bytes:
        """A whole regular file, never through a symbolic link; one that is larger is an error."""

    def open(self, path: Path) -> BinaryIO:
        """The same to be read piece by piece, unbuffered; its reads raise `StoreError` too."""

    def list_names(self, folder: Path) -> tuple[str, ...]:
        """What is in a folder, sorted; nothing if there is no such folder."""

    def read_link(self, path: Path) -> str | None:
        """Where a symbolic link leads, as it was written; None if it is none or is not there."""

    def exists(self, path: Path) -> bool:
        """Whether anything has that name; does not follow links."""

    def size(self, path: Path) -> int:
        """Bytes of a file; 0 if it is not there."""

    def free_bytes(self, folder: Path) -> int:
        """What is left for us on the file system."""

    def make_folder(self, path: Path) -> None:
        """A new folder; its parent must be there, it must not."""

    def create(self, path: Path) -> int:
        """A new file to be written, ``O_EXCL | O_NOFOLLOW``: a descriptor for `write`, `sync` and `close`."""

    def open_for_append(self, path: Path) -> int:
        """The same to be continued at its end, made if it is not there."""

    def write(self, descriptor: int, content: bytes) -> None:
        """All of it."""

    def sync(self, descriptor: int) -> None:
        """What was written is durable."""

    def close(self, descriptor: int) -> None:
        """Let go of it; never raises."""

    def make_link(self, target: str, path: Path) -> None:
        """A new symbolic link."""

    def rename(self, old: Path, new: Path) -> None:
        """At once and whole; takes the place of a file or link of the new name."""

    def remove(self, path: Path) -> None:
        """A file or a link; it may be gone already."""

    def remove_folder(self, path: Path) -> None:
        """An empty folder."""

    def sync_folder(self, path: Path) -> None:
        """The names in it are durable."""


class LocalFileSystem:
    """`Files` on the file systems of this host."""

    def read(self, path: Path, max_bytes: int) -> bytes:
        """See `Files`."""
        with self.open(path) as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise StoreError(f"cannot read {path}: it is larger than {max_bytes} bytes")
        return content

    def open(self, path: Path) -> BinaryIO:
        """See `Files`."""
        with _translate_errors("read", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return cast("BinaryIO", _StoreFile(descriptor, path))
            os.close(descriptor)
        raise StoreError(f"cannot read {path}: it is not a regular file")

    def list_names(self, folder: Path) -> tuple[str, ...]:
        """See `Files`."""
        with _translate_errors("list", folder):
            try:
                return tuple(sorted(entry.name for entry in folder.iterdir()))
            except FileNotFoundError:
                return ()

    def read_link(self, path: Path) -> str | None:
        """See `Files`."""
        with _translate_errors("read", path):
            return str(path.readlink()) if _has_type(stat.S_ISLNK, path) else None

    def exists(self, path: Path) -> bool:
        """See `Files`."""
        with _translate_errors("look at", path):
            return _lstat_or_none(path) is not None

    def size(self, path: Path) -> int:
        """See `Files`."""
        with _translate_errors("look at", path):
            status = _lstat_or_none(path)
            return status.st_size if status else 0

    def free_bytes(self, folder: Path) -> int:
        """See `Files`."""
        with _translate_errors("look at", folder):
            return shutil.disk_usage(folder).free

    def make_folder(self, path: Path) -> None:
        """See `Files`."""
        with _translate_errors("make", path):
            path.mkdir(0o755)

    def create(self, path: Path) -> int:
        """See `Files`."""
        return self._open_to_write(path, os.O_EXCL)

    def open_for_append(self, path: Path) -> int:
        """See `Files`."""
        return self._open_to_write(path, os.O_APPEND)

    def write(self, descriptor: int, content: bytes) -> None:
        """See `Files`."""
        with _translate_errors("write", _path_of(descriptor)):
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        """See `Files`."""
        with _translate_errors("write", _path_of(descriptor)):
            os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """See `Files`."""
        with suppress(OSError):
            os.close(descriptor)

    def make_link(self, target: str, path: Path) -> None:
        """See `Files`."""
        with _translate_errors("make", path):
            path.symlink_to(target)

    def rename(self, old: Path, new: Path) -> None:
        """See `Files`."""
        with _translate_errors("rename", old):
            old.rename(new)

    def remove(self, path: Path) -> None:
        """See `Files`."""
        with _translate_errors("remove", path):
            path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """See `Files`."""
        with _translate_errors("remove", path):
            path.rmdir()

    def sync_folder(self, path: Path) -> None:
        """See `Files`."""
        with _translate_errors("write", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _open_to_write(self, path: Path, flags: int) -> int:
        with _translate_errors("write", path):
            return os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o640
            )


def replace_file(files: FileSystem, path: Path, content: bytes) -> None:
    """Write a file whole and durable, or leave the old one as it is.

    Raises:
        StoreError: it cannot be written.
    """
    new = temporary_path(path)
    files.remove(new)
    write_new_file(files, new, [content])
    files.rename(new, path)
    files.sync_folder(path.parent)


def temporary_path(path: Path) -> Path:
    """The name that something has until it is whole, and takes its place."""
    return path.with_name(f".{path.name}.new")


def write_new_file(files: FileSystem, path: Path, chunks: Iterable[bytes]) -> None:
    """A new file with durable content; its name is durable after `sync_folder`.

    Raises:
        StoreError: it cannot be written.
    """
    descriptor = files.create(path)
    try:
        for chunk in chunks:
            files.write(descriptor, chunk)
        files.sync(descriptor)
    finally:
        files.close(descriptor)


class _StoreFile(io.FileIO):
    """A file being read: what the disk says against it comes out as ours."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "rb")
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        with _translate_errors("read", self._path):
            return super().read(size) or b""

    def readall(self) -> bytes:
        with _translate_errors("read", self._path):
            return super().readall() or b""

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        with _translate_errors("read", self._path):
            return super().readinto(buffer) or 0


def _lstat_or_none(path: Path) -> os.stat_result | None:
    """Of what has that name itself; None if nothing has."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _has_type(is_type: Callable[[int], bool], path: Path) -> bool:
    status = _lstat_or_none(path)
    return status is not None and is_type(status.st_mode)


def _path_of(descriptor: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return "a file"


_ADVICE = {
    errno.ENOSPC: "make room, then it goes on",
    errno.EDQUOT: "make room, then it goes on",
    errno.EROFS: "mount it writable, and look at the card: a worn one turns read-only",
    errno.EIO: "the card or disk may be failing",
    errno.EACCES: "it must belong to the user that edged runs as",
    errno.EPERM: "it must belong to the user that edged runs as",
}


@contextmanager
def _translate_errors(verb: str, path: Path | str) -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise to_store_error(error, verb, path) from error


def to_store_error(error: OSError, verb: str, path: Path | str) -> StoreError:
    """What the disk said, in our words: what could not be done, to what, why, and what to do."""
    advice = _ADVICE.get(error.errno or 0)
    reason = error.strerror or str(error)
    return StoreError(f"cannot {verb} {path}: {reason}" + (f" ({advice})" if advice else ""))
