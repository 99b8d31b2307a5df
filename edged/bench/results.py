"""What was measured, and what it comes to. Rules; no I/O."""

from collections.abc import Sequence
from statistics import median
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct


class BareRun(Struct, frozen=True, kw_only=True):
    """One run of the bare interpreter."""

    invokes: int
    wall_s: float
    cpu_s: float
    rss_mb: float
    startup_s: float
    """From its process's start to its first result."""


class SaturatedRun(Struct, frozen=True, kw_only=True):
    """One run of the daemon with a camera that is never waited for."""

    frames: int
    wall_s: float
    cpu_s: dict[str, float]
    """By process, over the same frames."""
    rss_mb: dict[str, float]
    startup_s: float
    """From its process's start to its first detections at a subscriber."""


class PacedRun(Struct, frozen=True, kw_only=True):
    """One run of the daemon with a camera slower than the model."""

    latency_s: tuple[float, ...]
    """Of each frame: from its arrival in edged to its detections at a subscriber."""


class Quantiles(Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    p50: float
    p95: float
    p99: float


class BenchmarkResult(Struct, frozen=True, kw_only=True):
    """The benchmark's result; medians over its pairs of runs."""

    machine: str
    model: str
    runtime: str
    frame: str
    pairs: int
    fps_bare: Annotated[float, Meta(description="Invokes a second of the bare interpreter.")]
    fps_pipeline: Annotated[float, Meta(description="Frames a second through the whole daemon.")]
    fps_share: Annotated[float, Meta(description="The second over the first, pair by pair.")]
    fps_share_spread: Annotated[
        tuple[float, float], Meta(description="Least and greatest of the pairs.")
    ]
    invoke_ms: Annotated[float, Meta(description="Of the bare interpreter, wall time.")]
    added_ms: Annotated[
        Quantiles, Meta(description="Frame's arrival to subscriber, less a bare invoke.")
    ]
    cpu_beyond_invoke_share: Annotated[
        float, Meta(description="CPU a frame of the whole daemon beyond a bare invoke, in invokes.")
    ]
    cpu_beyond_invoke_share_worker: Annotated[
        float, Meta(description="The same of the vision worker alone.")
    ]
    rss_mb: Annotated[dict[str, float], Meta(description="By process; bare is the interpreter's.")]
    startup_s: Annotated[float, Meta(description="The daemon's start to first detections.")]
    startup_ratio: Annotated[
        float, Meta(description="That over the bare interpreter's start to first result.")
    ]


class Pair(Struct, frozen=True, kw_only=True):
    """Runs that were made one right after the other, so that a noisy machine is noisy for both."""

    bare: BareRun
    saturated: SaturatedRun
    paced: PacedRun


def compute_result(
    pairs: Sequence[Pair], *, machine: str, model: str, runtime: str, frame: str
) -> BenchmarkResult:
    """Pairs of runs -> what they come to."""
    shares = [_fps(p.saturated) / _bare_fps(p.bare) for p in pairs]
    added_s = np.concatenate(
        [np.array(p.paced.latency_s) - p.bare.wall_s / p.bare.invokes for p in pairs]
    )
    p50, p95, p99 = (round(float(v) * 1e3, 3) for v in np.percentile(added_s, (50, 95, 99)))
    names = pairs[0].saturated.rss_mb
    rss_mb = {name: median(p.saturated.rss_mb[name] for p in pairs) for name in names}
    return BenchmarkResult(
        machine=machine,
        model=model,
        runtime=runtime,
        frame=frame,
        pairs=len(pairs),
        fps_bare=round(median(_bare_fps(p.bare) for p in pairs), 2),
        fps_pipeline=round(median(_fps(p.saturated) for p in pairs), 2),
        fps_share=round(median(shares), 4),
        fps_share_spread=(round(min(shares), 4), round(max(shares), 4)),
        invoke_ms=round(median(p.bare.wall_s / p.bare.invokes for p in pairs) * 1e3, 3),
        added_ms=Quantiles(p50=p50, p95=p95, p99=p99),
        cpu_beyond_invoke_share=round(median(_cpu_overhead_ratio(p, "") for p in pairs), 4),
        cpu_beyond_invoke_share_worker=round(
            median(_cpu_overhead_ratio(p, "vision") for p in pairs), 4
        ),
        rss_mb={"bare": round(median(p.bare.rss_mb for p in pairs), 1)}
        | {name: round(mb, 1) for name, mb in rss_mb.items()},
        startup_s=round(median(p.saturated.startup_s for p in pairs), 3),
        startup_ratio=round(median(p.saturated.startup_s / p.bare.startup_s for p in pairs), 3),
    )


def format_table(result: BenchmarkResult) -> str:
    """For people."""
    low, high = result.fps_share_spread
    added = result.added_ms
    rows = (
        ("bare invoke", f"{result.fps_bare:.1f} /s  ({result.invoke_ms:.2f} ms)"),
        ("pipeline", f"{result.fps_pipeline:.1f} frames/s"),
        ("share of the bare rate", f"{result.fps_share:.3f}  ({low:.3f} .. {high:.3f})"),
        (
            "added latency, frame to broker",
            f"p50 {added.p50:.2f}  p95 {added.p95:.2f}  p99 {added.p99:.2f} ms",
        ),
        ("CPU beyond invoke, daemon", f"{result.cpu_beyond_invoke_share:.1%} of an invoke"),
        ("CPU beyond invoke, worker", f"{result.cpu_beyond_invoke_share_worker:.1%} of an invoke"),
        ("memory", "  ".join(f"{name} {mb:.0f} MiB" for name, mb in result.rss_mb.items())),
        (
            "start to first detections",
            f"{result.startup_s:.2f} s, {result.startup_ratio:.2f} x bare",
        ),
    )
    head = f"{result.model} on {result.runtime}, frames {result.frame}, {result.pairs} interleaved pairs\n{result.machine}\n"
    return head + "\n".join(f"  {name:<32}{value}" for name, value in rows)


def _bare_fps(run: BareRun) -> float:
    return run.invokes / run.wall_s


def _fps(run: SaturatedRun) -> float:
    return run.frames / run.wall_s


def _cpu_overhead_ratio(pair: Pair, prefix: str) -> float:
    invoke_s = pair.bare.cpu_s / pair.bare.invokes
    spent_s = sum(s for name, s in pair.saturated.cpu_s.items() if name.startswith(prefix))
    return spent_s / pair.saturated.frames / invoke_s - 1
