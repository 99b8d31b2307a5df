"""Plots of the comparison: accuracy over cost."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from edged_models.compression.comparison import ComparisonTable, TableRow
from edged_models.files import atomic_replacement

_PANEL_INCHES = 5.0
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
        _format_axes(axes, label)
    figure.suptitle(f"{table.checkpoint}: AP50 on {table.pictures}")
    date = {"Date": None} if path.suffix == ".svg" else {}
    with atomic_replacement(path) as partial:
        figure.savefig(partial, dpi=_DPI, metadata=date)


def _list_panels(rows: Sequence[TableRow]) -> list[tuple[str, str, list[float]]]:
    """Return the name of each cost, its axis label, and its value for each row."""
    latencies = [
        (
            cost.runtime,
            f"{cost.runtime}: latency, ms",
            [row.costs[column].latency_ms for row in rows],
        )
        for column, cost in enumerate(rows[0].costs)
    ]
    return [("size", "file, KiB", [row.file_bytes / 1024 for row in rows]), *latencies]


def _draw_panel(axes: Axes, rows: Sequence[TableRow], costs: Sequence[float], name: str) -> None:
    """Draw one cost; the rows on the Pareto front are blue and joined."""
    front = sorted(
        (cost, row.quality.ap50)
        for cost, row in zip(costs, rows, strict=True)
        if name in row.pareto_fronts
    )
    axes.plot(*zip(*front, strict=True), color=_FRONT_COLOUR, linewidth=1)
    for cost, row in zip(costs, rows, strict=True):
        colour = _FRONT_COLOUR if name in row.pareto_fronts else _OTHER_COLOUR
        axes.plot(cost, row.quality.ap50, "o", color=colour, markersize=5)
        axes.annotate(
            row.name,
            (cost, row.quality.ap50),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7,
            color=colour,
        )


def _format_axes(axes: Axes, label: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)
    axes.set_ylabel("AP50")
    axes.grid(visible=True, alpha=0.3)
