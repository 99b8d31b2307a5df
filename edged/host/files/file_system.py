"""The disk operations that a store may use."""

from pathlib import Path
from typing import BinaryIO, Protocol


class FileSystem(Protocol):
    """The disk as a store sees it.

    Every method except `close` raises `StoreError`; the message names the path, the reason and what to do.
    """

    def read(self, path: Path, max_bytes: int) -> bytes:
        """Return the content of a regular file; refuse symbolic links and files larger than `max_bytes`."""

    def open(self, path: Path) -> BinaryIO:
        """Open a regular file for unbuffered reading; refuse symbolic links. Reads raise `StoreError` too."""

    def list_names(self, folder: Path) -> tuple[str, ...]:
        """Return the sorted names in a folder; none if the folder does not exist."""

    def read_link(self, path: Path) -> str | None:
        """Return the target of a symbolic link as written; None if `path` is no link or does not exist."""

    def exists(self, path: Path) -> bool:
        """Return whether `path` exists, without following links."""

    def size(self, path: Path) -> int:
        """Return the size of a file in bytes; 0 if it does not exist."""

    def free_bytes(self, folder: Path) -> int:
        """Return the bytes that this user can still write to the file system of `folder`."""

    def make_folder(self, path: Path) -> None:
        """Create a folder; its parent must exist, `path` must not."""

    def create(self, path: Path) -> int:
        """Create a file (``O_EXCL | O_NOFOLLOW``); return a descriptor for `write`, `sync` and `close`."""

    def open_for_append(self, path: Path) -> int:
        """Open a file to write at its end, and create it if necessary; return a descriptor as `create` does."""

    def write(self, descriptor: int, content: bytes) -> None:
        """Write all of `content`."""

    def sync(self, descriptor: int) -> None:
        """Make the content written so far durable."""

    def close(self, descriptor: int) -> None:
        """Close a descriptor; never raises."""

    def make_link(self, target: str, path: Path) -> None:
        """Create a symbolic link at `path`."""

    def rename(self, old: Path, new: Path) -> None:
        """Rename atomically; replace a file or link that has the new name."""

    def remove(self, path: Path) -> None:
        """Remove a file or link, if it exists."""

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
