"""Scenario ``costs``: time of each stage and CPU time a frame, by size of the frames and number of objects."""

from collections.abc import Callable, Sequence

from edged.bench.counted_run import CountedRun, measure_counted
from edged.bench.daemon_config import EMPTY_EVERY_S, MOVING_EVERY_S, synthetic_camera
from edged.bench.measures import STAGES
from edged.bench.report_values import Row, Section
from edged.bench.results import make_row
from edged.bench.run_values import EDGED
from edged.bench.scenarios.settings import ScenarioSettings

_MANY_EVERY_S = 0.2
"""The shortest time between two marks that enter: about ten are in the picture."""
_VARIANTS = (
    ("640x480", (640, 480), MOVING_EVERY_S),
    ("1920x1080", (1920, 1080), MOVING_EVERY_S),
    ("no objects", None, EMPTY_EVERY_S),
    ("many objects", None, _MANY_EVERY_S),
    (EDGED, None, MOVING_EVERY_S),
)
"""Name, size of the frames (None: that of the options), and time between two marks that enter, in seconds."""


def run_costs(settings: ScenarioSettings) -> Section:
    """Measure each variant in turn.

    Raises:
        EdgedError: the daemon does not start.
    """
    runs: dict[str, list[CountedRun]] = {name: [] for name, _, _ in _VARIANTS}
    count = settings.rounds * len(_VARIANTS)
    for number in range(settings.rounds):
        for position, (name, size, every_s) in enumerate(_VARIANTS):
            done = (number * len(_VARIANTS) + position) / count
            settings.report(f"{name}, round {number + 1}", done)
            width, height = size or settings.size
            camera = synthetic_camera(width, height, fps=settings.fps, every_s=every_s)
            runs[name].append(measure_counted(settings.workspace, settings.model, [camera]))
    return Section(title="costs of a frame; edged is the size of the options", rows=_rows(runs))


def _rows(runs: dict[str, list[CountedRun]]) -> tuple[Row, ...]:
    def row(key: str, title: str, unit: str, value: Callable[[CountedRun], float]) -> Row:
        columns = {name: [value(run) for run in some] for name, some in runs.items()}
        return make_row(key, title, unit, columns)

    return (
        row("objects", "detections a message", "", lambda run: run.objects),
        *(
            row(f"stage_{s}", f"stage {s}, p50", "ms", lambda run, s=s: _stage_ms(run, s))  # type: ignore[misc]
            for s in STAGES
        ),
        row("cpu_worker", "CPU a frame, worker", "ms", lambda run: _cpu_ms(run, "vision")),
        row("cpu_supervisor", "CPU a frame, supervisor", "ms", lambda run: _cpu_ms(run, "sup")),
    )


def _stage_ms(run: CountedRun, stage: str) -> float:
    return run.stage_s.get(stage, 0.0) * 1000


def _cpu_ms(run: CountedRun, prefix: str) -> float:
    share: Sequence[float] = [s for name, s in run.cpu_share.items() if name.startswith(prefix)]
    return sum(share) / run.inferred_fps * 1000 if run.inferred_fps else 0.0
