"""Scenario ``cameras``: one interpreter shared by 1, 2, 4 and 8 cameras."""

from collections.abc import Mapping, Sequence
from statistics import mean

from edged.bench.counted_run import CountedRun, measure_counted
from edged.bench.daemon_config import synthetic_camera
from edged.bench.report_values import Row, Section
from edged.bench.results import make_row, with_goals
from edged.bench.scenarios.settings import ScenarioSettings

COUNTS = (1, 2, 4, 8)
_SMALL_PX = 64
"""Side of the frames with which memory is measured: what a camera takes beside its frames, and the synthetic one beside its room."""


def run_cameras(settings: ScenarioSettings) -> Section:
    """Measure each number of cameras in turn.

    Raises:
        EdgedError: the daemon does not start.
    """
    runs: dict[int, list[CountedRun]] = {count: [] for count in COUNTS}
    growth_mb = []
    width, height = settings.size
    for number in range(settings.rounds):
        for position, count in enumerate(COUNTS):
            done = (number + position / (len(COUNTS) + 1)) / settings.rounds
            settings.report(f"{count} cameras, round {number + 1}", done)
            runs[count].append(_measure(settings, count, width, height))
        growth_mb.append(_measure_growth_mb(settings))
    rows = [_cpu_row(runs), _rate_row(runs), _share_row(runs[COUNTS[-1]]), _memory_row(growth_mb)]
    return Section(
        title="cameras that share one interpreter",
        rows=tuple(with_goals(row, settings.conditions) for row in rows),
    )


def share_error_percent(run: CountedRun) -> float:
    """Return how far the inferred frames of a camera are from an equal share at most, in percent of that share."""
    rates = [camera.inferred_fps for camera in run.cameras.values()]
    equal = mean(rates)
    return max(abs(rate / equal - 1) for rate in rates) * 100 if equal else 0.0


def _title(count: int) -> str:
    """Return the column of a number of cameras; the largest is the one whose ratios count."""
    return "edged" if count == COUNTS[-1] else f"{count} camera{'s' if count > 1 else ''}"


def _cpu_row(runs: Mapping[int, Sequence[CountedRun]]) -> Row:
    values = {_title(n): [r.cpu_ms / r.inferred_fps for r in some] for n, some in runs.items()}
    title = f"CPU an inferred frame (edged: {COUNTS[-1]} cameras)"
    return make_row("cpu_cameras", title, "ms", values)


def _rate_row(runs: Mapping[int, Sequence[CountedRun]]) -> Row:
    values = {_title(n): [run.inferred_fps for run in some] for n, some in runs.items()}
    return make_row(
        "rate_cameras",
        "inferred frames per second, all cameras",
        "1/s",
        values,
        digits=1,
        lower_is_better=False,
    )


def _share_row(most: Sequence[CountedRun]) -> Row:
    errors = [share_error_percent(run) for run in most]
    return make_row(
        "share_error", "largest error of a camera's share", "%", {"edged": errors}, digits=1
    )


def _memory_row(growth_mb: Sequence[float]) -> Row:
    title = "resident memory of a further camera, beside its frames"
    return make_row("rss_further", title, "MiB", {"edged": growth_mb})


def _measure_growth_mb(settings: ScenarioSettings) -> float:
    """Return the memory that each further camera takes, in MiB."""
    few, many = COUNTS[0], COUNTS[-1]
    one = _measure(settings, few, _SMALL_PX, _SMALL_PX)
    more = _measure(settings, many, _SMALL_PX, _SMALL_PX)
    return (_sum_rss_mb(more) - _sum_rss_mb(one)) / (many - few)


def _measure(settings: ScenarioSettings, count: int, width: int, height: int) -> CountedRun:
    cameras = [
        synthetic_camera(width, height, fps=settings.fps, name=f"c{k}") for k in range(count)
    ]
    return measure_counted(settings.workspace, settings.model, cameras)


def _sum_rss_mb(run: CountedRun) -> float:
    return sum(use.rss_mb for use in run.memory.values())
