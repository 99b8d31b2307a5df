"""The child process that builds one variant of a network; the optimisation toolkit changes the layers that it wraps.

``python -m edged_models.compression.build_main`` reads a `BuildJob` from standard input, and writes `BuildMessage`s to standard
output, one a line.
"""

import hashlib
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from edged.errors import EdgedError
from edged.ipc.child import bind_lifetime_to_parent
from edged_models.compression.techniques import (
    BuildJob,
    BuildMessage,
    BuildProgress,
    BuildRefused,
    BuildResult,
)
from edged_models.compression.variants import build_variant
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.files import write_bytes


def build(job: BuildJob, *, send: Callable[[BuildMessage], None]) -> BuildResult:
    """Build one variant: apply the change, fine-tune, convert, and write the .tflite.

    Raises:
        ToolError: the technique cannot be applied, or the file cannot be written.
    """
    checkpoint = load_checkpoint(Path(job.checkpoint))
    variant = build_variant(
        checkpoint,
        job,
        progress=lambda done: send(BuildProgress(steps_done=done, steps_total=job.tuning.steps)),
    )
    write_bytes(Path(job.out), variant.model)
    return BuildResult(
        parameters=variant.parameters,
        remark=variant.remark,
        sha256=hashlib.sha256(variant.model).hexdigest(),
        file_bytes=len(variant.model),
        deflated_bytes=len(zlib.compress(variant.model, 9)),
    )


def main() -> None:
    """Run the child. Messages have a descriptor of their own, because TensorFlow prints to standard output."""
    bind_lifetime_to_parent()
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def send(message: BuildMessage) -> None:
        messages.write(msgspec.json.encode(message) + b"\n")

    try:
        send(build(msgspec.json.decode(sys.stdin.buffer.read(), type=BuildJob), send=send))
    except EdgedError as error:
        send(BuildRefused(reason=str(error)))


if __name__ == "__main__":
    main()
