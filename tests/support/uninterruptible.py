"""A process that waits and cannot be interrupted, as one that waits for a disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.host.scheduling import waits_for_disk
from support.waiting import wait_for

_PROGRAM = "import ctypes; c = ctypes.CDLL(None); c.vfork() or c.pause()"
"""The kernel lets the parent of a vfork wait, uninterruptibly, until the child has ended."""


@contextmanager
def uninterruptible_process() -> Iterator[int]:
    """Yield the id of the process."""
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], start_new_session=True)
    try:
        # While it imports, it may wait for a real disk, and is interruptible afterwards.
        wait_for(lambda: _has_child(process.pid) and waits_for_disk(process.pid))
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _has_child(pid: int) -> bool:
    """Whether the process has forked."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())
