"""A process in another environment that holds a model of another framework: it converts it, and runs it."""

import json
import shutil
import subprocess
import weakref
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged.ipc.child import describe_exit
from edged_models.environments.environment import Environment
from edged_models.errors import SourceError

_CHILDREN = Path(__file__).parent / "children"
_LOG = "stderr.log"
_MODEL = "model.tflite"


class FrameworkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the process.

    Attributes:
        outputs: names of the model's outputs, in order.
        order: positions of these outputs in the .tflite; () if they are named there.
        error: why there is no model or output; "" if there is.
    """

    outputs: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    error: str = ""


class FrameworkProcess:
    """The process, and a temporary folder through which tensors and models are exchanged.

    Both end with this object.
    """

    def __init__(self, name: str, child: subprocess.Popen[bytes], folder: Path) -> None:
        """Wrap a started process.

        Args:
            name: the model's, for messages.
            child: the process; its standard input and output are pipes.
            folder: the folder of the exchange.
        """
        self._name = name
        self._child = child
        self._folder = folder
        self._finalizer = weakref.finalize(self, _stop, child, folder)

    def convert(self, request: Mapping[str, Any]) -> tuple[FrameworkAnswer, bytes]:
        """Open and convert a model.

        Args:
            request: fields of the request.

        Returns:
            The answer, and the float32 .tflite.

        Raises:
            SourceError: the model cannot be read or converted.
        """
        answer = self._request({"do": "convert", **request})
        return answer, (self._folder / _MODEL).read_bytes()

    def run(self, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Run the model with its own framework.

        Args:
            tensor: the .tflite's input, as (1, H, W, C) float32.

        Returns:
            The outputs, of any shape and float32, in the order and layout of the .tflite's.

        Raises:
            SourceError: the model fails.
        """
        np.save(self._folder / "input.npy", tensor)
        answer = self._request({"do": "run"})
        return [np.load(self._folder / f"{name}.npy") for name in answer.outputs]

    def _request(self, request: Mapping[str, Any]) -> FrameworkAnswer:
        line = b""
        try:
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        except BrokenPipeError:
            pass  # the process has ended
        if not line:
            raise SourceError(f"{self._name}: the process {self._describe_end()}")
        answer = msgspec.json.decode(line, type=FrameworkAnswer)
        if answer.error:
            raise SourceError(answer.error)
        return answer

    def _describe_end(self) -> str:
        exit_code = self._child.wait()
        log = (self._folder / _LOG).read_text(errors="replace") if self._folder.is_dir() else ""
        last = log.strip().rpartition("\n")[2]
        return f"{describe_exit(exit_code)}{f': {last}' if last else ''}"


def start_process(environment: Environment, program: str, *, name: str) -> FrameworkProcess:
    """Start a program of `children` in its environment.

    Args:
        environment: the environment, which is there.
        program: name of the program, without ``.py``.
        name: the model's, for messages.

    Raises:
        SourceError: the process cannot be started.
    """
    folder = Path(mkdtemp(prefix="edged-models-"))
    argv = [str(environment.python), str(_CHILDREN / f"{program}.py"), str(folder)]
    try:
        with (folder / _LOG).open("wb") as log:
            child = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SourceError(
            f"cannot start {environment.python}: {error.strerror or error}; run make -C models {environment.target}"
        ) from error
    return FrameworkProcess(name, child, folder)


def _stop(child: subprocess.Popen[bytes], folder: Path) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        pipe.close()
    shutil.rmtree(folder, ignore_errors=True)
