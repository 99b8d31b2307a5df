"""Measurement of time and memory of variants on this machine, in child processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from edged.ipc.child import describe_exit
from edged_models.compression.comparison import Cost
from edged_models.compression.latency import TimedModel, Timing, TimingRequest
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
    timings = _measure_timings(models, runtimes)
    runs = [(model, runtime) for model in models for runtime in runtimes]
    # Peaks do not influence each other, so they are measured at the same time; latencies do.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        bases = pool.map(_measure_peak_kib, runtimes)
        base_kib = dict(zip(runtimes, bases, strict=True))
        peaks = pool.map(
            lambda run, timing: _measure_peak(*run, timing, base_kib[run[1]]), runs, timings
        )
        costs = []
        for _ in models:
            costs.append(tuple(next(peaks) for _ in runtimes))
            progress()
    return costs


def _measure_peak(model: Path, runtime: str, timing: Timing, base_kib: int) -> Cost:
    if timing.median_ms is None:
        return Cost(runtime=runtime, latency_ms=None, ram_mib=None, refusal=timing.refusal)
    ram_mib = (_measure_peak_kib(runtime, str(model)) - base_kib) / 1024
    return Cost(runtime=runtime, latency_ms=timing.median_ms, ram_mib=ram_mib)


def _measure_timings(models: Sequence[Path], runtimes: Sequence[str]) -> list[Timing]:
    """Return the timings of all models on all runtimes, the runtimes of a model together."""
    timed_models = tuple(
        TimedModel(model=str(model), runtime=runtime) for model in models for runtime in runtimes
    )
    request = msgspec.json.encode(TimingRequest(timed_models=timed_models))
    answer = _run_module("edged_models.compression.latency", request)
    return msgspec.json.decode(answer, type=list[Timing])


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
