"""The file that lines are appended to. Every function here can wait for a disk or a pipe."""

import os
import stat
from contextlib import suppress
from pathlib import Path

STDOUT = "-"
"""The path that stands for the standard output."""
_STDOUT_FD = 1


class LineFile:
    """An open file; used by one thread."""

    def __init__(self, path: str, fd: int) -> None:
        """Take over a descriptor; use `open_line_file`."""
        self._path = path
        self._fd = fd

    def write(self, lines: bytes) -> OSError | None:
        """Append whole lines, and return the error if that fails; a file that was removed or rotated is made again."""
        try:
            if not self._is_in_place():
                os.close(self._fd)
                self._fd = _open_to_append(self._path)
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            return error
        return None

    def close(self) -> None:
        """Close the file, unless it is the standard output."""
        if self._path != STDOUT:
            with suppress(OSError):
                os.close(self._fd)

    def _is_in_place(self) -> bool:
        if self._path == STDOUT:
            return True
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self._path))  # noqa: PTH116 (every write)
        except FileNotFoundError:
            return False


def open_line_file(path: str) -> LineFile | OSError:
    """Open a file to append lines, or return the error; a named pipe that nobody reads is one."""
    if path == STDOUT:
        return LineFile(path, _STDOUT_FD)
    try:
        return LineFile(path, _open_to_append(path))
    except OSError as error:
        return error


def _open_to_append(path: str) -> int:
    """Open a file, and end a line of which a full disk or a power cut has left a part."""
    # Without O_NONBLOCK, opening a named pipe would wait for its reader.
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        os.set_blocking(fd, True)
        if stat.S_ISREG(os.fstat(fd).st_mode) and _has_incomplete_line(Path(path)):
            os.write(fd, b"\n")
    except OSError:
        os.close(fd)
        raise
    return fd


def _has_incomplete_line(path: Path) -> bool:
    """Return whether a regular file does not end with a line feed; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return (
                file.seek(0, os.SEEK_END) > 0
                and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
            )
    except PermissionError:
        return False
