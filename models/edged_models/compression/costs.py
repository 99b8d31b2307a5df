"""Measurement of time and memory of variants on this machine, in child processes."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from edged.ipc.child import describe_exit
from edged_models.compression.comparison import Cost
from edged_models.compression.latency import TimedModel, TimingRequest
from edged_models.errors import ToolError


def measure_costs(
    models: Sequence[Path], runtimes: Sequence[str], *, progress: Callable[[], None]
) -> list[tuple[Cost, ...]]:
    """Measure the costs of each model on each runtime.

    Args:
        models: .tflite files.
        runtimes: names in `edged.registry.INTERPRETERS`.
        progress: called when a model is done.

    Returns:
        For each model, its costs in the order of `runtimes`.

    Raises:
        ToolError: a child process failed.
    """
    latencies_ms = iter(_measure_latencies_ms(models, runtimes))
    base_kib = [_measure_peak_kib(runtime) for runtime in runtimes]
    costs = []
    for model in models:
        model_costs = [
            Cost(
                runtime=runtime,
                latency_ms=next(latencies_ms),
                ram_mib=(_measure_peak_kib(runtime, str(model)) - base) / 1024,
            )
            for runtime, base in zip(runtimes, base_kib, strict=True)
        ]
        costs.append(tuple(model_costs))
        progress()
    return costs


def _measure_latencies_ms(models: Sequence[Path], runtimes: Sequence[str]) -> list[float]:
    """Return the latencies of all models on all runtimes, the runtimes of a model together."""
    timed_models = tuple(
        TimedModel(model=str(model), runtime=runtime) for model in models for runtime in runtimes
    )
    request = msgspec.json.encode(TimingRequest(timed_models=timed_models))
    answer = _run_module("edged_models.compression.latency", request)
    return msgspec.json.decode(answer, type=list[float])


def _measure_peak_kib(*arguments: str) -> int:
    return int(_run_module("edged_models.compression.peak_memory", b"", *arguments))


def _run_module(module: str, stdin: bytes, *arguments: str) -> bytes:
    child = subprocess.run(
        [sys.executable, "-m", module, *arguments], input=stdin, capture_output=True, check=False
    )
    if child.returncode:
        last_line = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ToolError(f"cannot measure: {module} {describe_exit(child.returncode)}: {last_line}")
    return child.stdout
