"""The benchmark's measurements, and the result computed from them. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct


class BareRun(Struct, frozen=True, kw_only=True):
    """One run of the bare interpreter.

    Attributes:
        invokes: number of invocations.
        wall_s: their wall time, in seconds.
        cpu_s: their CPU time, in seconds.
        rss_mb: peak resident memory, in MiB.
        startup_s: time from the start of the process to its first result, in seconds.
    """

    invokes: int
    wall_s: float
    cpu_s: float
    rss_mb: float
    startup_s: float


class SaturatedRun(Struct, frozen=True, kw_only=True):
    """One run of the daemon with a camera that always has a frame ready.

    Attributes:
        frames: number of frames.
        wall_s: their wall time, in seconds.
        cpu_s: CPU time over the same frames, in seconds, by process.
        rss_mb: resident memory, in MiB, by process.
        startup_s: time from the start of the process to the first detections at a subscriber, in seconds.
    """

    frames: int
    wall_s: float
    cpu_s: dict[str, float]
    rss_mb: dict[str, float]
    startup_s: float


class PacedRun(Struct, frozen=True, kw_only=True):
    """One run of the daemon with a camera that is slower than the model.

    Attributes:
        latency_s: time of each frame from its arrival in edged to its detections at a subscriber, in seconds.
    """

    latency_s: tuple[float, ...]


class Quantiles(Struct, frozen=True, kw_only=True):
    """Quantiles of a time, in ms."""

    p50: float
    p95: float
    p99: float


class BenchmarkResult(Struct, frozen=True, kw_only=True):
    """The benchmark's result: medians over all pairs of runs."""

    machine: str
    model: str
    runtime: str
    frame: str
    pairs: int
    fps_bare: Annotated[float, Meta(description="Invocations per second of the bare interpreter.")]
    fps_pipeline: Annotated[float, Meta(description="Frames per second through the whole daemon.")]
    fps_share: Annotated[
        float, Meta(description="fps_pipeline / fps_bare, computed for each pair.")
    ]
    fps_share_spread: Annotated[
        tuple[float, float], Meta(description="Lowest and highest fps_share of all pairs.")
    ]
    invoke_ms: Annotated[float, Meta(description="Wall time of one bare invocation.")]
    added_ms: Annotated[
        Quantiles,
        Meta(description="Time from a frame's arrival to the subscriber, less a bare invocation."),
    ]
    cpu_beyond_invoke_share: Annotated[
        float,
        Meta(description="CPU time per frame of the whole daemon / that of a bare invocation - 1."),
    ]
    cpu_beyond_invoke_share_worker: Annotated[
        float, Meta(description="The same for the vision workers alone.")
    ]
    rss_mb: Annotated[
        dict[str, float],
        Meta(description="Resident memory in MiB by process; bare is the bare interpreter."),
    ]
    startup_s: Annotated[
        float, Meta(description="Time from the daemon's start to the first detections.")
    ]
    startup_ratio: Annotated[
        float, Meta(description="startup_s / the bare interpreter's time to its first result.")
    ]


class Pair(Struct, frozen=True, kw_only=True):
    """One run of each kind, made one right after the other, so that noise of the machine affects all of them.

    Attributes:
        bare: the bare interpreter.
        saturated: the daemon with a camera that always has a frame ready.
        paced: the daemon with a slow camera.
    """

    bare: BareRun
    saturated: SaturatedRun
    paced: PacedRun


def compute_result(
    pairs: Sequence[Pair], *, machine: str, model: str, runtime: str, frame: str
) -> BenchmarkResult:
    """Compute the result of the benchmark.

    Args:
        pairs: the runs; at least one pair.
        machine: description of the machine.
        model: name of the model.
        runtime: name of the interpreter's runtime.
        frame: frame size.
    """
    ratios = [_fps(pair.saturated) / _bare_fps(pair.bare) for pair in pairs]
    return BenchmarkResult(
        machine=machine,
        model=model,
        runtime=runtime,
        frame=frame,
        pairs=len(pairs),
        fps_bare=round(median(_bare_fps(pair.bare) for pair in pairs), 2),
        fps_pipeline=round(median(_fps(pair.saturated) for pair in pairs), 2),
        fps_share=round(median(ratios), 4),
        fps_share_spread=(round(min(ratios), 4), round(max(ratios), 4)),
        invoke_ms=round(median(_invoke_s(pair.bare) for pair in pairs) * 1e3, 3),
        added_ms=_added_latency(pairs),
        cpu_beyond_invoke_share=_median_cpu_overhead(pairs, ""),
        cpu_beyond_invoke_share_worker=_median_cpu_overhead(pairs, "vision"),
        rss_mb=_median_rss_mb(pairs),
        startup_s=round(median(pair.saturated.startup_s for pair in pairs), 3),
        startup_ratio=round(
            median(pair.saturated.startup_s / pair.bare.startup_s for pair in pairs), 3
        ),
    )


def format_table(result: BenchmarkResult) -> str:
    """Format the result as a table."""
    low, high = result.fps_share_spread
    added = result.added_ms
    latency = f"p50 {added.p50:.2f}  p95 {added.p95:.2f}  p99 {added.p99:.2f} ms"
    start = f"{result.startup_s:.2f} s, {result.startup_ratio:.2f} x bare"
    rows = (
        ("bare interpreter", f"{result.fps_bare:.1f} /s  ({result.invoke_ms:.2f} ms)"),
        ("daemon", f"{result.fps_pipeline:.1f} frames/s"),
        ("daemon / bare interpreter", f"{result.fps_share:.3f}  ({low:.3f} .. {high:.3f})"),
        ("added latency, frame to broker", latency),
        ("CPU overhead, daemon", f"{result.cpu_beyond_invoke_share:.1%} of an invocation"),
        ("CPU overhead, worker", f"{result.cpu_beyond_invoke_share_worker:.1%} of an invocation"),
        ("memory", "  ".join(f"{name} {mb:.0f} MiB" for name, mb in result.rss_mb.items())),
        ("start to first detections", start),
    )
    head = f"{result.model} on {result.runtime}, frames {result.frame}, {result.pairs} interleaved pairs\n{result.machine}\n"
    return head + "\n".join(f"  {name:<32}{value}" for name, value in rows)


def _bare_fps(run: BareRun) -> float:
    return run.invokes / run.wall_s


def _invoke_s(run: BareRun) -> float:
    return run.wall_s / run.invokes


def _fps(run: SaturatedRun) -> float:
    return run.frames / run.wall_s


def _added_latency(pairs: Sequence[Pair]) -> Quantiles:
    added_s = np.concatenate([np.array(p.paced.latency_s) - _invoke_s(p.bare) for p in pairs])
    p50, p95, p99 = (round(float(v) * 1e3, 3) for v in np.percentile(added_s, (50, 95, 99)))
    return Quantiles(p50=p50, p95=p95, p99=p99)


def _median_rss_mb(pairs: Sequence[Pair]) -> dict[str, float]:
    runs = [{"bare": pair.bare.rss_mb} | pair.saturated.rss_mb for pair in pairs]
    return {name: round(median(run[name] for run in runs), 1) for name in runs[0]}


def _median_cpu_overhead(pairs: Sequence[Pair], process_prefix: str) -> float:
    return round(median(_cpu_overhead_ratio(pair, process_prefix) for pair in pairs), 4)


def _cpu_overhead_ratio(pair: Pair, process_prefix: str) -> float:
    invoke_s = pair.bare.cpu_s / pair.bare.invokes
    spent_s = sum(
        seconds for name, seconds in pair.saturated.cpu_s.items() if name.startswith(process_prefix)
    )
    return spent_s / pair.saturated.frames / invoke_s - 1
