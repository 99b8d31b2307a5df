"""Makes one variant of a net in a process of its own, for the toolkit's wrappers change what they wrap.

``python -m edged_models.compression.build_main``: a `BuildJob` on standard input, a `BuildMessage` a line on standard output.
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
    """Change, fine-tune, convert, and write the .tflite.

    Raises:
        ToolError: it cannot be done, or not be written.
    """
    checkpoint = load_checkpoint(Path(job.checkpoint))
    made = build_variant(
        checkpoint,
        job,
        progress=lambda done: send(BuildProgress(steps_done=done, steps_total=job.tuning.steps)),
    )
    write_bytes(Path(job.out), made.model)
    return BuildResult(
        parameters=made.parameters,
        remark=made.remark,
        sha256=hashlib.sha256(made.model).hexdigest(),
        file_bytes=len(made.model),
        deflated_bytes=len(zlib.compress(made.model, 9)),
    )


def main() -> None:
    """The child: what TensorFlow prints on standard output must not come between the words."""
    bind_lifetime_to_parent()
    words = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def say(word: BuildMessage) -> None:
        words.write(msgspec.json.encode(word) + b"\n")

    try:
        say(build(msgspec.json.decode(sys.stdin.buffer.read(), type=BuildJob), send=say))
    except EdgedError as error:
        say(BuildRefused(reason=str(error)))


if __name__ == "__main__":
    main()
