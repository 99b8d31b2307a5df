"""What variants take on this machine; measured in processes of their own."""

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
    """For each model, its costs on each runtime.

    Args:
        models: .tflite files.
        runtimes: names of `edged.registry.INTERPRETERS`.
        progress: called when a model is done.

    Raises:
        ToolError: a process failed.
    """
    contestants = tuple(
        TimedModel(model=str(model), runtime=runtime) for model in models for runtime in runtimes
    )
    timing = msgspec.json.encode(TimingRequest(timed_models=contestants))
    latencies = iter(
        msgspec.json.decode(
            _run_module("edged_models.compression.latency", timing), type=list[float]
        )
    )
    bare = [_measure_peak_kib(runtime) for runtime in runtimes]
    costs = []
    for model in models:
        mine = [
            Cost(
                runtime=runtime,
                latency_ms=next(latencies),
                ram_mib=(_measure_peak_kib(runtime, str(model)) - base) / 1024,
            )
            for runtime, base in zip(runtimes, bare, strict=True)
        ]
        costs.append(tuple(mine))
        progress()
    return costs


def _measure_peak_kib(*arguments: str) -> int:
    return int(_run_module("edged_models.compression.peak_memory", b"", *arguments))


def _run_module(module: str, stdin: bytes, *arguments: str) -> bytes:
    child = subprocess.run(
        [sys.executable, "-m", module, *arguments], input=stdin, capture_output=True, check=False
    )
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ToolError(f"measuring failed: {module} {describe_exit(child.returncode)}: {said}")
    return child.stdout
