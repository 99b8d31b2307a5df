"""The children that make variants, seen from the outside."""

import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryFile

import msgspec

from edged.ipc.child import describe_exit
from edged_models.compression.techniques import Built, Done, Job, Refused, Word
from edged_models.errors import ToolError

_CHILD = "edged_models.compression.building"


def build_apart(job: Job, *, progress: Callable[[Done], None]) -> Built | Refused:
    """Make one variant in a process of its own.

    Raises:
        ToolError: the process ended without a word.
    """
    last: Word | None = None
    # A file, not a pipe: TensorFlow has much to say, and nobody reads it before the end.
    with TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            child.stdin.write(msgspec.json.encode(job))
            child.stdin.close()
            for line in child.stdout:
                last = msgspec.json.decode(line, type=Word)
                if isinstance(last, Done):
                    progress(last)
            code = child.wait()
        finally:
            child.kill()
            child.wait()
        if isinstance(last, Built | Refused):
            return last
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
    raise ToolError(f"{job.technique.name}: its process {describe_exit(code)}: {said}")
