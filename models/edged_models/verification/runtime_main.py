"""The child process that runs a written model on one runtime, which the file could crash.

``python -m edged_models.verification.runtime_main MODEL RUNTIME`` loads the model and writes a `RuntimeLoaded` to standard output.
Then it reads a `RunRequest` from standard input, runs the pictures, and writes a `RuntimeRan`.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from edged.errors import EdgedError
from edged.interfaces import Interpreter
from edged.ipc.child import bind_lifetime_to_parent
from edged.registry import INTERPRETERS, load_driver
from edged_models.verification.runtime_messages import (
    RunRequest,
    RuntimeLoaded,
    RuntimeRan,
    RuntimeRefusal,
    RuntimeReply,
)


def run_pictures(interpreter: Interpreter, request: RunRequest) -> RuntimeRan:
    """Run the model on the pictures, and write the outputs.

    Raises:
        InvokeError: the runtime failed on a picture.
    """
    arrays: dict[str, np.ndarray] = {}
    began_s = time.monotonic()
    done = 0
    for tensor in np.load(request.inputs):
        if done >= request.min_pictures and time.monotonic() - began_s > request.budget_s:
            break
        outputs = interpreter.invoke(tensor)
        arrays |= {f"{done}_{position}": output for position, output in enumerate(outputs)}
        done += 1
    seconds = time.monotonic() - began_s
    np.savez(request.outputs, **arrays)
    return RuntimeRan(pictures=done, seconds=seconds)


def _serve(model: str, runtime: str, send: Callable[[RuntimeReply], None]) -> None:
    try:
        interpreter = load_driver(INTERPRETERS, runtime)(
            Path(model), threads=1, delegate=None, delegate_options={}
        )
        send(RuntimeLoaded(runtime=interpreter.runtime, signature=interpreter.signature))
        line = sys.stdin.buffer.readline()
        if line:
            send(run_pictures(interpreter, msgspec.json.decode(line, type=RunRequest)))
    except EdgedError as error:
        send(RuntimeRefusal(reason=str(error).replace(model, "the model")))


def main() -> None:
    """Run the child. Messages have a descriptor of their own, because the runtimes print to both standard streams."""
    bind_lifetime_to_parent()
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _serve(
        sys.argv[1],
        sys.argv[2],
        lambda message: messages.write(msgspec.json.encode(message) + b"\n"),
    )


if __name__ == "__main__":
    main()
