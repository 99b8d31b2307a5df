"""A folder for a run of several processes, which goes with the last of them, however they end."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_JANITOR_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A temporary folder, and what its processes hold.

    Attributes:
        path: the folder.
        guard_fd: a descriptor that each process inherits (``pass_fds``): the folder is removed when the last one has closed it.
    """

    path: Path
    guard_fd: int


@contextmanager
def run_folder(prefix: str) -> Iterator[RunFolder]:
    """Yield a new temporary folder; it is removed at the end, or by a process of its own if this one is killed."""
    with TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        ours, theirs = os.pipe()
        # The shell waits for the end of the pipe. In a session of its own it outlives a terminal that is closed.
        janitor = subprocess.Popen(
            ["/bin/sh", "-c", 'cat > /dev/null; rm -rf -- "$0"', name],
            stdin=ours,
            start_new_session=True,
        )
        os.close(ours)
        try:
            yield RunFolder(Path(name), theirs)
        finally:
            os.close(theirs)
            with suppress(subprocess.TimeoutExpired):
                janitor.wait(_JANITOR_TIMEOUT_S)


def ended_with_parent(command: Sequence[str]) -> list[str]:
    """Return a command line that runs `command` so that it gets SIGTERM when the parent process is gone."""
    setpriv = shutil.which("setpriv")  # util-linux; BusyBox has one that knows no --pdeathsig
    if setpriv and os.path.realpath(setpriv).endswith("/setpriv"):
        return [setpriv, "--pdeathsig", "TERM", "--", *command]
    return [sys.executable, "-m", "edged.demo.ended_with_parent", str(os.getpid()), *command]
