"""The child process that tries models on one runtime.

``python -m edged_models.quantization.runtime_trial RUNTIME`` reads a JSON list of paths from standard input, and writes a JSON list
of `TrialResult`. Each runtime needs a process of its own: together with TensorFlow in one, their kernels get mixed up.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from edged_models.conversion.error_summary import summarize_error
from edged_models.errors import ToolError

RUNTIMES = ("litert", "tflite")
RUNTIME_PACKAGES = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}
_ROUNDS = 12


class TrialResult(Struct, frozen=True, kw_only=True):
    """Result of a model on a runtime.

    Attributes:
        latency_ms: median CPU milliseconds of an invocation on one thread; None if it cannot be run.
        problem: why it cannot be run, or what is wrong with its outputs; None if nothing is.
    """

    latency_ms: float | None = None
    problem: str | None = None


def try_models(models: Sequence[bytes], runtime: str) -> list[TrialResult]:
    """Run models on noise in a child process; they take turns, so that other load on the machine affects all of them alike.

    Args:
        models: the .tflite files.
        runtime: one of `RUNTIMES`.

    Raises:
        ToolError: the child failed.
    """
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index}.tflite" for index in range(len(models))]
        for path, model in zip(paths, models, strict=True):
            path.write_bytes(model)
        child = run(  # our own module
            [sys.executable, "-m", __spec__.name, runtime],
            input=msgspec.json.encode([str(path) for path in paths]),
            capture_output=True,
            check=False,
        )
    try:
        return msgspec.json.decode(child.stdout, type=list[TrialResult])
    except msgspec.DecodeError as error:
        last = child.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ToolError(
            f"{RUNTIME_PACKAGES[runtime]} ended while it ran the model: {''.join(last) or child.returncode}"
        ) from error


def _try_all(runtime: str, paths: Sequence[str]) -> list[TrialResult]:
    opened = [_open(runtime, path) for path in paths]
    times_ms: list[list[float]] = [[] for _ in opened]
    for _ in range(_ROUNDS):
        for one, own_ms in zip(opened, times_ms, strict=True):
            if not isinstance(one, str):
                began_ns = time.thread_time_ns()
                one.invoke()
                own_ms.append((time.thread_time_ns() - began_ns) / 1e6)
    return [
        TrialResult(problem=one)
        if isinstance(one, str)
        else TrialResult(latency_ms=median(own_ms), problem=_find_invalid_output(one))
        for one, own_ms in zip(opened, times_ms, strict=True)
    ]


def _open(runtime: str, path: str) -> Any:
    """Return an interpreter that has run once, or why there is none."""
    if runtime == "tflite":
        from tflite_runtime.interpreter import Interpreter
    else:
        from ai_edge_litert.interpreter import Interpreter
    try:
        interpreter = Interpreter(model_path=path, num_threads=1)
        interpreter.allocate_tensors()
        noise = np.random.default_rng(1)
        for info in interpreter.get_input_details():
            values = noise.integers(0, 256, info["shape"])
            if np.issubdtype(info["dtype"], np.floating):
                values = values / 255
            interpreter.set_tensor(info["index"], values.astype(info["dtype"]))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        return summarize_error(error)
    return interpreter


def _find_invalid_output(interpreter: Any) -> str | None:
    for info in interpreter.get_output_details():
        values = interpreter.get_tensor(info["index"])
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            return f"its output {info['name']} is not finite"
    return None


if __name__ == "__main__":
    results = _try_all(sys.argv[1], msgspec.json.decode(sys.stdin.buffer.read(), type=list[str]))
    sys.stdout.buffer.write(msgspec.json.encode(results))
