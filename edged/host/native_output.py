"""What native libraries write to standard error themselves, past Python's logging."""

import faulthandler
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STDERR = 2
_PIPE_BYTES = 1 << 20
_INFO_PREFIX = b"INFO:"
_lock = threading.Lock()
_original_fd: int | None = None
"""Standard error itself, while descriptor 2 is the pipe."""


def standard_error() -> int | None:
    """Return a descriptor of standard error for a child process that is spawned now; None if it inherits the right one."""
    return _original_fd


@contextmanager
def drop_native_info() -> Iterator[None]:
    """Drop the lines of TensorFlow Lite's level INFO that are written to standard error within; the others follow at the end.

    A pipe, because a sandboxed process may write no file. What does not fit into it is lost.
    """
    with _lock, _pipe() as (read_fd, write_fd):
        saved = _keep_original()
        is_fault_handled = faulthandler.is_enabled()
        if is_fault_handled:  # a crash within must be seen
            faulthandler.enable(saved)
        os.dup2(write_fd, _STDERR)
        try:
            yield
        finally:
            os.dup2(saved, _STDERR)
            if is_fault_handled:
                faulthandler.enable(_STDERR)
            _pass_on(read_fd)


def _keep_original() -> int:
    """Return a duplicate of standard error that stays open, because a child that starts meanwhile may get it after the end."""
    global _original_fd  # noqa: PLW0603 (descriptor 2 is one for the whole process)
    if _original_fd is None:
        _original_fd = os.dup(_STDERR)
    else:
        os.dup2(_STDERR, _original_fd, inheritable=False)
    return _original_fd


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    read_fd, write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with suppress(OSError):  # a user's pipes may be limited to less
        fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    try:
        yield read_fd, write_fd
    finally:
        os.close(read_fd)
        os.close(write_fd)


def _pass_on(read_fd: int) -> None:
    with suppress(BlockingIOError):
        written = os.read(read_fd, _PIPE_BYTES)
        kept = [
            line for line in written.splitlines(keepends=True) if not line.startswith(_INFO_PREFIX)
        ]
        if kept:
            os.write(_STDERR, b"".join(kept))
