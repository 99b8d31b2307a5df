"""Scenario ``static``: a noisy scene that stands still, with the motion gate and without."""

from edged.bench.counted_run import CountedRun, measure_counted
from edged.bench.daemon_config import EMPTY_EVERY_S, synthetic_camera
from edged.bench.report_values import Section
from edged.bench.results import make_row, with_goals
from edged.bench.run_values import EDGED
from edged.bench.scenarios.settings import ScenarioSettings

_ALWAYS_ON = "always on"


def run_static(settings: ScenarioSettings) -> Section:
    """Measure both in turn.

    Raises:
        EdgedError: the daemon does not start.
    """
    width, height = settings.size
    camera = synthetic_camera(width, height, fps=settings.fps, every_s=EMPTY_EVERY_S)
    always_on: list[CountedRun] = []
    gated: list[CountedRun] = []
    for number in range(settings.rounds):
        for runs, is_gated, name in ((always_on, False, _ALWAYS_ON), (gated, True, "gated")):
            settings.report(
                f"{name}, round {number + 1}",
                (len(always_on) + len(gated)) / settings.rounds / 2,
            )
            runs.append(
                measure_counted(settings.workspace, settings.model, [camera], is_gated=is_gated)
            )
    cpu = make_row(
        "cpu_static",
        "CPU time a second",
        "ms",
        {_ALWAYS_ON: [run.cpu_ms for run in always_on], EDGED: [run.cpu_ms for run in gated]},
        digits=1,
    )
    invokes = make_row(
        "invokes_static",
        "invokes per second",
        "1/s",
        {
            _ALWAYS_ON: [run.inferred_fps for run in always_on],
            EDGED: [run.inferred_fps for run in gated],
        },
        digits=1,
    )
    rows = (with_goals(row, settings.conditions) for row in (cpu, invokes))
    return Section(
        title="a static scene, with the motion gate (edged) and without", rows=tuple(rows)
    )
