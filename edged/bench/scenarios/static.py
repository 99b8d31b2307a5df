"""Scenario ``static``: a noisy scene that stands still, against one in which marks move."""

from edged.bench.counted_run import CountedRun, measure_counted
from edged.bench.daemon_config import EMPTY_EVERY_S, synthetic_camera
from edged.bench.report_values import Section
from edged.bench.results import make_row, with_goals
from edged.bench.run_values import EDGED
from edged.bench.scenarios.settings import ScenarioSettings

_MOVING = "moving"


def run_static(settings: ScenarioSettings) -> Section:
    """Measure both scenes in turn.

    Raises:
        EdgedError: the daemon does not start.
    """
    width, height = settings.size
    moving_camera = synthetic_camera(width, height, fps=settings.fps)
    static_camera = synthetic_camera(width, height, fps=settings.fps, every_s=EMPTY_EVERY_S)
    moving: list[CountedRun] = []
    static: list[CountedRun] = []
    for number in range(settings.rounds):
        for runs, camera, name in (
            (moving, moving_camera, "moving"),
            (static, static_camera, "static"),
        ):
            settings.report(
                f"{name} scene, round {number + 1}",
                (len(moving) + len(static)) / settings.rounds / 2,
            )
            runs.append(measure_counted(settings.workspace, settings.model, [camera]))
    cpu = make_row(
        "cpu_static",
        "CPU time a second",
        "ms",
        {_MOVING: [run.cpu_ms for run in moving], EDGED: [run.cpu_ms for run in static]},
        digits=1,
    )
    invokes = make_row(
        "invokes_static",
        "invokes per second",
        "1/s",
        {
            _MOVING: [run.inferred_fps for run in moving],
            EDGED: [run.inferred_fps for run in static],
        },
        digits=1,
    )
    rows = (with_goals(row, settings.conditions) for row in (cpu, invokes))
    return Section(title="a static scene (edged) and a moving one", rows=tuple(rows))
