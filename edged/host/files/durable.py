"""Durable writes, built from the operations of a `FileSystem`."""

from collections.abc import Iterable
from pathlib import Path

from edged.host.files.file_system import FileSystem


def replace_file(files: FileSystem, path: Path, content: bytes) -> None:
    """Replace a file atomically and durably; on failure the old file stays as it is.

    Args:
        files: the disk.
        path: the file to replace, or to create.
        content: its new content.

    Raises:
        StoreError: the file cannot be written.
    """
    new = temporary_path(path)
    files.remove(new)
    write_new_file(files, new, [content])
    files.rename(new, path)
    files.sync_folder(path.parent)


def temporary_path(path: Path) -> Path:
    """Return the name under which the replacement of `path` is written before it is renamed."""
    return path.with_name(f".{path.name}.new")


def write_new_file(files: FileSystem, path: Path, chunks: Iterable[bytes]) -> None:
    """Create a file with durable content; its name is durable only after `FileSystem.sync_folder`.

    Args:
        files: the disk.
        path: the new file; it must not exist.
        chunks: its content, in pieces.

    Raises:
        StoreError: the file cannot be written.
    """
    descriptor = files.create(path)
    try:
        for chunk in chunks:
            files.write(descriptor, chunk)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
