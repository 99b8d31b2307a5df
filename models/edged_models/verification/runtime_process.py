"""The parent's side of the child processes that run a written model."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged.ipc.child import describe_exit
from edged_models.errors import ToolError
from edged_models.verification.runtime_messages import (
    RunRequest,
    RuntimeLoaded,
    RuntimeRan,
    RuntimeRefusal,
    RuntimeReply,
)

Outputs = list[list[NDArray[np.generic]]]
"""Arrays by picture and output."""
_CHILD_MODULE = "edged_models.verification.runtime_main"
_TIMEOUT_S = 180.0
"""Seconds after which a child is killed: far above what loading and a budget of pictures take."""


class RuntimeProcess:
    """One model on one runtime in a child process; use it in a ``with``."""

    def __init__(self, model: Path, runtime: str) -> None:
        """Name the model and the runtime; nothing is started.

        Args:
            model: path of the .tflite.
            runtime: name in `edged.registry.INTERPRETERS`.
        """
        self.runtime = runtime
        self._argv = [sys.executable, "-m", _CHILD_MODULE, str(model), runtime]
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._timer = Timer(_TIMEOUT_S, self._child.kill)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._child.kill()
        self._child.wait()
        self._child.stdin.close()
        self._child.stdout.close()

    def load(self) -> RuntimeLoaded | RuntimeRefusal:
        """Wait until the model is loaded.

        Raises:
            ToolError: the child broke its protocol.
        """
        return self._receive(RuntimeLoaded)

    def start(self, inputs: Path, *, budget_s: float, min_pictures: int) -> None:
        """Let the loaded model run; `collect` waits for it.

        Args:
            inputs: an .npy file, (N, *shape of the model's input) in its dtype; the outputs are written beside it.
            budget_s: seconds after which no further picture is run.
            min_pictures: number of pictures that are run however long that takes.
        """
        self._outputs = inputs.with_name(f"{self.runtime}.npz")
        request = RunRequest(
            inputs=str(inputs),
            outputs=str(self._outputs),
            budget_s=budget_s,
            min_pictures=min_pictures,
        )
        with suppress(OSError):  # it has ended, which `collect` notices
            self._child.stdin.write(msgspec.json.encode(request) + b"\n")
            self._child.stdin.flush()

    def collect(self, output_count: int) -> Outputs | RuntimeRefusal:
        """Return the outputs of each picture that was run, not dequantised: as many arrays as the model has outputs.

        Raises:
            ToolError: the child broke its protocol.
        """
        reply = self._receive(RuntimeRan)
        if isinstance(reply, RuntimeRefusal):
            return reply
        with np.load(self._outputs) as arrays:
            return [
                [arrays[f"{picture}_{position}"] for position in range(output_count)]
                for picture in range(reply.pictures)
            ]

    def _receive(self, expected: type) -> RuntimeReply:
        line = self._child.stdout.readline()
        if not line:
            return RuntimeRefusal(
                reason=f"the model ended its process, which {describe_exit(self._child.wait())}"
            )
        reply = msgspec.json.decode(line, type=RuntimeReply)
        if not isinstance(reply, expected | RuntimeRefusal):
            raise ToolError(f"the process of {self.runtime} sent {type(reply).__name__}")
        return reply
