"""Makes one variant of a net in a process of its own, for the toolkit's wrappers change what they wrap.

``python -m edged_models.compression.building``: a `Job` on standard input, a `Word` a line on standard output.
"""

import hashlib
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from edged.errors import EdgedError
from edged.ipc.child import live_under_parent
from edged_models.compression.techniques import Built, Done, Job, Refused, Word
from edged_models.compression.variants import variant_of
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.files import write_bytes


def build(job: Job, *, say: Callable[[Word], None]) -> Built:
    """Change, fine-tune, convert, and write the .tflite.

    Raises:
        ToolError: it cannot be done, or not be written.
    """
    checkpoint = load_checkpoint(Path(job.checkpoint))
    made = variant_of(
        checkpoint, job, progress=lambda done: say(Done(done=done, of=job.tuning.steps))
    )
    write_bytes(Path(job.out), made.model)
    return Built(
        parameters=made.parameters,
        remark=made.remark,
        sha256=hashlib.sha256(made.model).hexdigest(),
        file_bytes=len(made.model),
        deflated_bytes=len(zlib.compress(made.model, 9)),
    )


def main() -> None:
    """The child: what TensorFlow prints on standard output must not come between the words."""
    live_under_parent()
    words = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def say(word: Word) -> None:
        words.write(msgspec.json.encode(word) + b"\n")

    try:
        say(build(msgspec.json.decode(sys.stdin.buffer.read(), type=Job), say=say))
    except EdgedError as error:
        say(Refused(reason=str(error)))


if __name__ == "__main__":
    main()
