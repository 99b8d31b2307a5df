"""The file systems of this host."""

import io
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from edged.errors import StoreError
from edged.host.files.disk_errors import translate_errors

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class LocalFileSystem:
    """A `FileSystem` on the disks of this host; every method but `close` may raise `StoreError`."""

    def read(self, path: Path, max_bytes: int) -> bytes:
        """Return the content of a regular file.

        Raises:
            StoreError: `path` cannot be read, is not a regular file, or is larger than `max_bytes`.
        """
        with self.open(path) as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise StoreError(f"cannot read {path}: it is larger than {max_bytes} bytes")
        return content

    def open(self, path: Path) -> BinaryIO:
        """Open a regular file for unbuffered reading.

        Raises:
            StoreError: `path` cannot be opened, or is not a regular file.
        """
        with translate_errors("read", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return cast("BinaryIO", _StoreFile(descriptor, path))
            os.close(descriptor)
        raise StoreError(f"cannot read {path}: it is not a regular file")

    def list_names(self, folder: Path) -> tuple[str, ...]:
        """Return the sorted names in a folder; none if the folder does not exist."""
        with translate_errors("list", folder):
            try:
                return tuple(sorted(entry.name for entry in folder.iterdir()))
            except FileNotFoundError:
                return ()

    def read_link(self, path: Path) -> str | None:
        """Return the target of a symbolic link; None if `path` is no link or does not exist."""
        with translate_errors("read", path):
            status = _lstat_or_none(path)
            is_link = status is not None and stat.S_ISLNK(status.st_mode)
            return str(path.readlink()) if is_link else None

    def exists(self, path: Path) -> bool:
        """Return whether `path` exists, without following links."""
        with translate_errors("inspect", path):
            return _lstat_or_none(path) is not None

    def size(self, path: Path) -> int:
        """Return the size of a file in bytes; 0 if it does not exist."""
        with translate_errors("inspect", path):
            status = _lstat_or_none(path)
            return status.st_size if status else 0

    def free_bytes(self, folder: Path) -> int:
        """Return the bytes that this user can still write to the file system of `folder`."""
        with translate_errors("inspect", folder):
            return shutil.disk_usage(folder).free

    def make_folder(self, path: Path) -> None:
        """Create a folder whose parent exists."""
        with translate_errors("create", path):
            path.mkdir(0o755)

    def create(self, path: Path) -> int:
        """Create a file and return a descriptor to write to it."""
        return self._open_to_write(path, os.O_EXCL)

    def open_for_append(self, path: Path) -> int:
        """Open a file to write at its end, and create it if necessary."""
        return self._open_to_write(path, os.O_APPEND)

    def write(self, descriptor: int, content: bytes) -> None:
        """Write all of `content`."""
        with translate_errors("write", _path_of(descriptor)):
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        """Make the content written so far durable."""
        with translate_errors("write", _path_of(descriptor)):
            os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor; never raises."""
        with suppress(OSError):
            os.close(descriptor)

    def make_link(self, target: str, path: Path) -> None:
        """Create a symbolic link at `path`."""
        with translate_errors("create", path):
            path.symlink_to(target)

    def rename(self, old: Path, new: Path) -> None:
        """Rename atomically; replace a file or link that has the new name."""
        with translate_errors("rename", old):
            old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file or link, if it exists."""
        with translate_errors("remove", path):
            path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        with translate_errors("remove", path):
            path.rmdir()

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        with translate_errors("write", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _open_to_write(self, path: Path, flags: int) -> int:
        with translate_errors("write", path):
            return os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o640
            )


class _StoreFile(io.FileIO):
    """A file open for reading whose read errors are `StoreError`."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "rb")
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        with translate_errors("read", self._path):
            return super().read(size) or b""

    def readall(self) -> bytes:
        with translate_errors("read", self._path):
            return super().readall() or b""

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        with translate_errors("read", self._path):
            return super().readinto(buffer) or 0


def _lstat_or_none(path: Path) -> os.stat_result | None:
    """Return the status of `path` itself, not of a link's target; None if it does not exist."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _path_of(descriptor: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return "a file"
