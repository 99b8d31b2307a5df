"""The parent's side of the child processes that run a written model."""

import subprocess
import sys
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged.ipc.child import describe_exit
from edged.types import ModelSignature
from edged_models.errors import ToolError
from edged_models.verification.runtime_messages import (
    RunRequest,
    RuntimeLoaded,
    RuntimeRan,
    RuntimeRefusal,
    RuntimeReply,
)

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

    def run(
        self,
        signature: ModelSignature,
        inputs: NDArray[np.generic],
        folder: Path,
        *,
        budget_s: float,
        min_pictures: int,
    ) -> list[list[NDArray[np.generic]]] | RuntimeRefusal:
        """Run the loaded model.

        Args:
            signature: the loaded model's.
            inputs: (N, *shape of the model's input), in its dtype.
            folder: where files for the child are written.
            budget_s: seconds after which no further picture is run.
            min_pictures: number of pictures that are run however long that takes.

        Returns:
            The outputs of each picture that was run, in the order, the shapes and the dtypes of the signature, not dequantised.

        Raises:
            ToolError: the child broke its protocol.
        """
        source, target = folder / "inputs.npy", folder / f"{self.runtime}.npz"
        if not source.exists():
            np.save(source, inputs)
        request = RunRequest(
            inputs=str(source), outputs=str(target), budget_s=budget_s, min_pictures=min_pictures
        )
        try:
            self._child.stdin.write(msgspec.json.encode(request) + b"\n")
            self._child.stdin.flush()
        except OSError:
            return RuntimeRefusal(reason=f"its process {describe_exit(self._child.wait())}")
        reply = self._receive(RuntimeRan)
        if isinstance(reply, RuntimeRefusal):
            return reply
        with np.load(target) as arrays:
            return [
                [arrays[f"{picture}_{position}"] for position in range(len(signature.outputs))]
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
