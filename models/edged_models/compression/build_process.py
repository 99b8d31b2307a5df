"""The parent's side of the child processes that build variants."""

import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec

from edged.ipc.child import describe_exit
from edged_models.compression.techniques import (
    BuildJob,
    BuildMessage,
    BuildProgress,
    BuildRefused,
    BuildResult,
)
from edged_models.errors import ToolError

_CHILD_MODULE = "edged_models.compression.build_main"


def build_in_process(
    job: BuildJob, *, progress: Callable[[BuildProgress], None]
) -> BuildResult | BuildRefused:
    """Build one variant in a child process.

    Raises:
        ToolError: the process ended without a result.
    """
    # A file, not a pipe: TensorFlow writes much to standard error, and it is read only at the end.
    with TemporaryFile() as stderr:
        last, exit_code = _run_child(job, stderr, progress)
        if isinstance(last, BuildResult | BuildRefused):
            return last
        stderr.seek(0)
        last_line = stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
    raise ToolError(
        f"{job.technique.name}: the build process {describe_exit(exit_code)}: {last_line}"
    )


def _run_child(
    job: BuildJob, stderr: BinaryIO, progress: Callable[[BuildProgress], None]
) -> tuple[BuildMessage | None, int]:
    """Return the child's last message, None if it sent none, and its exit code."""
    last: BuildMessage | None = None
    argv = [sys.executable, "-m", _CHILD_MODULE]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
    try:
        child.stdin.write(msgspec.json.encode(job))
        child.stdin.close()
        for line in child.stdout:
            last = msgspec.json.decode(line, type=BuildMessage)
            if isinstance(last, BuildProgress):
                progress(last)
        return last, child.wait()
    finally:
        child.kill()
        child.wait()
