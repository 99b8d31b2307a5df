"""The children that make variants, seen from the outside."""

import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryFile

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
    """Make one variant in a process of its own.

    Raises:
        ToolError: the process ended without a word.
    """
    last: BuildMessage | None = None
    # A file, not a pipe: TensorFlow has much to say, and nobody reads it before the end.
    with TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", _CHILD_MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            child.stdin.write(msgspec.json.encode(job))
            child.stdin.close()
            for line in child.stdout:
                last = msgspec.json.decode(line, type=BuildMessage)
                if isinstance(last, BuildProgress):
                    progress(last)
            code = child.wait()
        finally:
            child.kill()
            child.wait()
        if isinstance(last, BuildResult | BuildRefused):
            return last
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
    raise ToolError(f"{job.technique.name}: its process {describe_exit(code)}: {said}")
