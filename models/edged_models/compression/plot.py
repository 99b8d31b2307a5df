"""Plots of the comparison: accuracy over cost."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

from edged_models.compression.comparison import ComparisonTable, TableRow
from edged_models.files import atomic_replacement

_PANEL_INCHES = 5.0
_STEP_POINTS, _MAX_STEPS = 2.0, 200
_DPI = 120
_FRONT_COLOUR, _OTHER_COLOUR = "tab:blue", "0.6"


def draw_table(table: ComparisonTable, path: Path) -> None:
    """Write the plots in the format of the path's suffix; the same table gives the same file.

    Raises:
        ToolError: the file cannot be written.
    """
    panels = _list_panels(table.rows)
    figure = Figure(figsize=(_PANEL_INCHES * len(panels), _PANEL_INCHES), layout="constrained")
    for axes, (name, label, costs) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _draw_panel(axes, table.rows, costs, name)
        _format_axes(axes, label, table.rows[0].qualities[0].measure)
    figure.suptitle(f"{table.checkpoint}: {table.rows[0].qualities[0].measure} on {table.pictures}")
    figure.draw_without_rendering()  # places the axes, so that the labels can be
    figure.set_layout_engine("none")
    for axes, (name, _, costs) in zip(figure.axes, panels, strict=True):
        _label_points(axes, table.rows, costs, name)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    date = {"Date": None} if path.suffix == ".svg" else {}
    with atomic_replacement(path) as partial:
        figure.savefig(partial, dpi=_DPI, metadata=date)


def _list_panels(rows: Sequence[TableRow]) -> list[tuple[str, str, list[float]]]:
    """Return the name of each cost, its axis label, and its value for each row."""
    latencies = [
        (
            cost.runtime,
            f"{cost.runtime}: latency, ms",
            [_or_nan(row.costs[column].latency_ms) for row in rows],
        )
        for column, cost in enumerate(rows[0].costs)
    ]
    return [("size", "file, KiB", [row.file_bytes / 1024 for row in rows]), *latencies]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _draw_panel(axes: Axes, rows: Sequence[TableRow], costs: Sequence[float], name: str) -> None:
    """Draw one cost; the rows on the Pareto front are blue and joined."""
    front = sorted(
        (cost, row.mean) for cost, row in zip(costs, rows, strict=True) if name in row.pareto_fronts
    )
    if front:
        axes.plot(*zip(*front, strict=True), color=_FRONT_COLOUR, linewidth=1)
    for cost, row in zip(costs, rows, strict=True):
        if math.isnan(cost):
            continue
        colour = _FRONT_COLOUR if name in row.pareto_fronts else _OTHER_COLOUR
        axes.plot(cost, row.mean, "o", color=colour, markersize=5)


def _label_points(axes: Axes, rows: Sequence[TableRow], costs: Sequence[float], name: str) -> None:
    """Write each row's name beside its point, joined to it, and lower down where other names are."""
    points = [(cost, row) for cost, row in zip(costs, rows, strict=True) if not math.isnan(cost)]
    places = axes.transData.transform([(cost, row.mean) for cost, row in points])
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in places]
    middle = axes.bbox.x0 + axes.bbox.width / 2
    for cost, row in sorted(points, key=lambda one: -one[1].mean):
        x, _ = axes.transData.transform((cost, row.mean))
        is_left = x > middle
        colour = _FRONT_COLOUR if name in row.pareto_fronts else _OTHER_COLOUR
        label = _annotate(axes, row.name, (cost, row.mean), colour=colour, is_left=is_left)
        _move_down(label, taken)
        taken.append(_text_box(label))


def _annotate(
    axes: Axes, text: str, point: tuple[float, float], *, colour: str, is_left: bool
) -> Annotation:
    return axes.annotate(
        text,
        point,
        xytext=(-9 if is_left else 9, 0),
        textcoords="offset points",
        horizontalalignment="right" if is_left else "left",
        verticalalignment="center",
        fontsize=7,
        color=colour,
        arrowprops={"arrowstyle": "-", "color": "0.8", "linewidth": 0.5, "shrinkA": 0},
    )


def _move_down(label: Annotation, taken: Sequence[Bbox]) -> None:
    """Move a label down until it hides no other."""
    for _ in range(_MAX_STEPS):
        if not any(_text_box(label).overlaps(other) for other in taken):
            return
        x, y = label.get_position()
        label.set_position((x, y - _STEP_POINTS))


def _text_box(label: Annotation) -> Bbox:
    """Return the place of the text alone, in pixels."""
    canvas = FigureCanvasAgg(label.get_figure(root=True))
    label.update_positions(canvas.get_renderer())
    return Text.get_window_extent(label).padded(2)


def _format_axes(axes: Axes, label: str, measure: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)
    axes.set_ylabel(measure)
    axes.grid(visible=True, alpha=0.3)
