"""The measures of the main benchmark: how each is computed from one round. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edged.bench.run_values import BARE, EDGED, ProgramRun, Round
from edged.bench.statistics import percentile, ratio

_MS = 1e3
STAGES = ("wait", "encode", "invoke", "decode", "total")
"""The stages of ``latency_s`` in ``up/health``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A measure of one program in one round.

    Attributes:
        key: its name in JSON.
        title: its name in the table.
        unit: its unit.
        evaluate: returns its value for a program; None if it does not apply.
        digits: digits after the point in the table.
        lower_is_better: False if a higher value is better; None if neither is.
        has_ratios: whether edged's value is divided by those of the others.
    """

    key: str
    title: str
    unit: str
    evaluate: Callable[[Round, str], float | None]
    digits: int = 2
    lower_is_better: bool | None = True
    has_ratios: bool = True


def _saturated(one: Round, program: str) -> ProgramRun | None:
    return one.bare if program == BARE else one.saturated.get(program)


def _fps(one: Round, program: str) -> float | None:
    run = _saturated(one, program)
    return run.fps if run else None


def _share(one: Round, program: str) -> float | None:
    return ratio(_fps(one, program), one.bare.fps)


def _added_ms(one: Round, program: str, *, percent: float) -> float | None:
    run = one.paced.get(program)
    latency_s = percentile(run.latency_s, percent) if run else None
    return None if latency_s is None else (latency_s - one.bare.invoke_s) * _MS


def _cpu_ms(one: Round, program: str, *, process: str = "") -> float | None:
    run = one.bare if program == BARE else one.paced.get(program)
    if run is None or not run.frames or (process and not _has_process(run, process)):
        return None
    return run.sum_cpu_s(process) / run.frames * _MS


def _cpu_beyond(one: Round, program: str, *, process: str = "") -> float | None:
    run = one.saturated.get(program)
    if run is None or (process and not _has_process(run, process)):
        return None
    invoke_s = one.bare.sum_cpu_s() / one.bare.frames
    share = ratio(run.sum_cpu_s(process) / run.frames, invoke_s)
    return None if share is None else (share - 1) * 100


def _memory_mb(one: Round, program: str, *, kind: str, process: str = "") -> float | None:
    run = one.bare if program == BARE and one.started else one.started.get(program)
    if run is None:
        return None
    parts = [use for name, use in run.memory.items() if name.startswith(process)]
    return sum(getattr(use, kind) for use in parts) if parts else None


def _start_s(one: Round, program: str) -> float | None:
    run = one.bare if program == BARE and one.started else one.started.get(program)
    return run.start_s if run else None


def _start_ratio(one: Round, program: str) -> float | None:
    return ratio(_start_s(one, program), one.bare.start_s)


def _energy_j(one: Round, program: str) -> float | None:
    run = _saturated(one, program)
    return None if run is None or run.energy_j is None else run.energy_j / run.frames


def _stage_ms(one: Round, program: str, *, stage: str) -> float | None:
    run = one.paced.get(program)
    seconds = run.stage_s.get(stage) if run else None
    return None if seconds is None else seconds * _MS


def _has_process(run: ProgramRun, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in run.cpu_s)


def _memory(key: str, title: str, kind: str, process: str = "") -> Measure:
    return Measure(
        key=key,
        title=title,
        unit="MiB",
        digits=0,
        evaluate=partial(_memory_mb, kind=kind, process=process),
    )


MEASURES = (
    Measure(
        key="fps",
        title="frames per second, saturated",
        unit="1/s",
        digits=1,
        lower_is_better=False,
        evaluate=_fps,
    ),
    Measure(
        key="share",
        title="share of the bare rate",
        unit="",
        digits=3,
        lower_is_better=False,
        evaluate=_share,
        has_ratios=False,
    ),
    *(
        Measure(
            key=f"added_p{percent}",
            title=f"added latency, p{percent}",
            unit="ms",
            evaluate=partial(_added_ms, percent=percent),
        )
        for percent in (50, 95, 99)
    ),
    Measure(key="cpu", title="CPU a frame, all", unit="ms", evaluate=_cpu_ms),
    Measure(
        key="cpu_worker",
        title="CPU a frame, worker",
        unit="ms",
        evaluate=partial(_cpu_ms, process="vision"),
    ),
    Measure(
        key="cpu_supervisor",
        title="CPU a frame, supervisor",
        unit="ms",
        evaluate=partial(_cpu_ms, process="supervisor"),
    ),
    Measure(
        key="beyond",
        title="CPU beyond the invoke, all",
        unit="%",
        digits=1,
        evaluate=_cpu_beyond,
        has_ratios=False,
    ),
    Measure(
        key="beyond_worker",
        title="CPU beyond the invoke, worker",
        unit="%",
        digits=1,
        evaluate=partial(_cpu_beyond, process="vision"),
        has_ratios=False,
    ),
    *(
        Measure(
            key=f"stage_{stage}",
            title=f"stage {stage}, p50",
            unit="ms",
            evaluate=partial(_stage_ms, stage=stage),
        )
        for stage in STAGES
    ),
    _memory("rss", "resident memory, all", "rss_mb"),
    _memory("rss_supervisor", "resident memory, supervisor", "rss_mb", "supervisor"),
    _memory("rss_worker", "resident memory, worker", "rss_mb", "vision"),
    _memory("pss", "proportional memory, all", "pss_mb"),
    Measure(key="start", title="start to the first result", unit="s", evaluate=_start_s),
    Measure(
        key="start_ratio",
        title="start / that of the bare interpreter",
        unit="",
        evaluate=_start_ratio,
        has_ratios=False,
    ),
    Measure(key="energy", title="energy an inference", unit="J", digits=3, evaluate=_energy_j),
)


def list_programs(one: Round) -> tuple[str, ...]:
    """Return the programs of a round: the bare interpreter first, edged last."""
    others = [name for name in one.saturated if name != EDGED]
    return (BARE, *others, EDGED)
