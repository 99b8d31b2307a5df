"""One call of the benchmark: from its options to a report."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edged.bench.benchmark import Benchmark, BenchSource, Report, StillFiles, input_size
from edged.bench.build import THIS_BUILD, Build, extract_build, read_build_name
from edged.bench.frame_files import draw_frames, read_size, write_array, write_pictures
from edged.bench.machine import describe_machine, list_remarks
from edged.bench.measure_run import BareMeasurement, measure_bare, measure_control
from edged.bench.report_values import BenchReport, Section
from edged.bench.results import make_row
from edged.bench.scenarios.accelerator import run_accelerator
from edged.bench.scenarios.cameras import run_cameras
from edged.bench.scenarios.costs import run_costs
from edged.bench.scenarios.settings import Scenario, ScenarioSettings
from edged.bench.scenarios.static import run_static
from edged.bench.scenarios.update import run_update
from edged.bench.statistics import percentile
from edged.bench.suggestions import BoardFigures, ThreadTrial, suggest
from edged.bench.thread_trials import try_threads
from edged.bench.workspace import ModelOnRuntime, Workspace, open_workspace
from edged.clock import Clock
from edged.errors import EdgedError

SCENARIOS: dict[str, Scenario] = {
    "static": run_static,
    "cameras": run_cameras,
    "accelerator": run_accelerator,
    "update": run_update,
    "costs": run_costs,
}
_SSD_OUTPUTS = 4
_SHORT_S = 1.0
"""Longest run that only finds out something about the model, in seconds."""
_CONTROL_TITLE = "control: publish to subscriber, without edged"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What the user has asked for.

    Attributes:
        model: the model and its runtime.
        size: width and height of the synthetic frames, in pixels.
        fps: frames per second of the latency runs.
        rounds: number of rounds.
        seconds: duration of each run, in seconds.
        clip: a video file to replay as well; None for the synthetic camera alone.
        against: a git ref whose build is measured too; None for this build alone.
        scenario: one of `SCENARIOS`; None for the main benchmark.
    """

    model: ModelOnRuntime
    size: tuple[int, int]
    fps: float
    rounds: int
    seconds: float
    clip: Path | None = None
    against: str | None = None
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    sections: tuple[Section, ...]
    suggestions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def run_session(options: BenchOptions, clock: Clock, report: Report) -> BenchReport:
    """Measure, and return the report.

    Args:
        options: what to measure.
        clock: the clock of all measurements.
        report: is called before each run.

    Raises:
        EdgedError: a program does not run, or publishes nothing.
    """
    remarks = list_remarks()
    with open_workspace(clock, options.seconds) as workspace:
        if not workspace.cores.is_pinned:
            remarks += ("broker and subscriber share the cores of the measured programs",)
        if options.scenario:
            measured = _Measured((_run_scenario(options, workspace, report),))
        else:
            measured = _run_benchmark(options, workspace, report)
    return BenchReport(
        machine=describe_machine(),
        build=read_build_name(),
        model=options.model.path.name,
        runtime=options.model.runtime,
        frame="{}x{}".format(*options.size),
        fps=options.fps,
        rounds=options.rounds,
        seconds=options.seconds,
        sections=measured.sections,
        suggestions=measured.suggestions,
        remarks=(*remarks, *measured.remarks),
    )


def _run_scenario(options: BenchOptions, workspace: Workspace, report: Report) -> Section:
    settings = ScenarioSettings(
        workspace=workspace,
        model=options.model,
        size=options.size,
        fps=options.fps,
        rounds=options.rounds,
        report=report,
    )
    return SCENARIOS[options.scenario or ""](settings)


def _run_benchmark(options: BenchOptions, workspace: Workspace, report: Report) -> _Measured:
    builds, sources = _list_builds(options, workspace), _list_sources(options, workspace)
    short = replace(workspace, seconds=min(options.seconds, _SHORT_S))
    bare = measure_bare(short, options.model)
    trials = try_threads(short, options.model, report)
    sections: list[Section] = []
    remarks = []
    for source in sources:
        benchmark = Benchmark(
            workspace=workspace,
            model=options.model,
            builds=builds,
            source=source,
            fps=options.fps,
            has_tutorial=bare.output_count == _SSD_OUTPUTS,
        )
        try:
            sections.append(benchmark.run(options.rounds, report))
        except EdgedError as error:
            if not sections:
                raise
            # A clip in which the model finds nothing must not cost what was measured before.
            remarks.append(f"{source.title} was not measured: {str(error).partition(chr(10))[0]}")
    sections.append(_control_section(options, workspace, report))
    suggestions = suggest(_figures(options, sections[0], bare, trials))
    return _Measured(tuple(sections), suggestions, tuple(remarks))


def _list_builds(options: BenchOptions, workspace: Workspace) -> tuple[Build, ...]:
    builds = [THIS_BUILD]
    if options.against is not None:
        builds.insert(0, extract_build(options.against, workspace.folder.path))
    for build in builds:
        build.compile()
    return tuple(builds)


def _list_sources(options: BenchOptions, workspace: Workspace) -> list[BenchSource]:
    folder = workspace.folder.path
    frames = draw_frames(*options.size, workspace.clock)
    sources = [
        BenchSource(
            title="synthetic camera",
            size=options.size,
            clip=None,
            array=write_array(frames, folder / "frames.npy"),
            still=StillFiles(
                write_pictures(frames[:1], folder / "still"),
                write_array(frames[:1], folder / "still.npy"),
            ),
        )
    ]
    if options.clip is not None:
        sources.append(
            BenchSource(
                title=f"clip {options.clip.name}",
                size=read_size(options.clip),
                clip=options.clip,
                array=options.clip,
            )
        )
    return sources


def _control_section(options: BenchOptions, workspace: Workspace, report: Report) -> Section:
    rounds = []
    for number in range(options.rounds):
        report(f"control, round {number + 1}", number / options.rounds)
        rounds.append([one.latency_s for one in measure_control(workspace, options.fps)])
    rows = tuple(
        make_row(
            f"control_p{percent}",
            f"latency, p{percent}",
            "ms",
            {"control": [(percentile(one, percent) or 0.0) * 1000 for one in rounds]},
        )
        for percent in (50, 95, 99)
    )
    return Section(title=_CONTROL_TITLE, rows=rows)


def _figures(
    options: BenchOptions, section: Section, bare: BareMeasurement, trials: Sequence[ThreadTrial]
) -> BoardFigures:
    medians: dict[str, float] = {}
    for row in section.rows:
        with suppress(KeyError):
            medians[row.key] = row.values["edged"].median
    return BoardFigures(
        trials=trials,
        frame=options.size,
        model_input=input_size(bare.input_shape),
        encode_ms=medians.get("stage_encode"),
        cpu_ms=medians.get("cpu"),
        fps=options.fps,
    )
