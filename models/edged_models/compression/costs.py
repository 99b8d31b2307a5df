"""What variants take on this machine; measured in processes of their own."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from edged.ipc.child import describe_exit
from edged_models.compression.rows import Cost
from edged_models.compression.timing import Contestant, Timing
from edged_models.errors import ToolError


def costs_of(
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
        Contestant(model=str(model), runtime=runtime) for model in models for runtime in runtimes
    )
    timing = msgspec.json.encode(Timing(contestants=contestants))
    latencies = iter(
        msgspec.json.decode(_run("edged_models.compression.timing", timing), type=list[float])
    )
    bare = [_peak_kib(runtime) for runtime in runtimes]
    costs = []
    for model in models:
        mine = [
            Cost(
                runtime=runtime,
                latency_ms=next(latencies),
                ram_mib=(_peak_kib(runtime, str(model)) - base) / 1024,
            )
            for runtime, base in zip(runtimes, bare, strict=True)
        ]
        costs.append(tuple(mine))
        progress()
    return costs


def _peak_kib(*arguments: str) -> int:
    return int(_run("edged_models.compression.memory", b"", *arguments))


def _run(module: str, given: bytes, *arguments: str) -> bytes:
    child = subprocess.run(
        [sys.executable, "-m", module, *arguments], input=given, capture_output=True, check=False
    )
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ToolError(f"measuring failed: {module} {describe_exit(child.returncode)}: {said}")
    return child.stdout
