"""The table as a picture: what each technique costs against how good it is."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from edged_models.compression.rows import Row, Table
from edged_models.files import replacing

_PANEL_INCHES = 5.0
_DPI = 120
_ON, _OFF = "tab:blue", "0.6"


def draw(table: Table, path: Path) -> None:
    """Write it in the format of the path's suffix; the same table gives the same picture.

    Raises:
        ToolError: it cannot be written.
    """
    rows = table.rows
    panels = [
        ("size", "file, KiB", [row.file_bytes / 1024 for row in rows]),
        *(
            (
                cost.runtime,
                f"{cost.runtime}: latency, ms",
                [r.costs[place].latency_ms for r in rows],
            )
            for place, cost in enumerate(rows[0].costs)
        ),
    ]
    figure = Figure(figsize=(_PANEL_INCHES * len(panels), _PANEL_INCHES), layout="constrained")
    for axes, (name, label, costs) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _panel(axes, rows, costs, name)
        axes.set_xlabel(label)
    figure.suptitle(f"{table.checkpoint}: AP50 on {table.pictures}")
    date = {"Date": None} if path.suffix == ".svg" else {}
    with replacing(path) as partial:
        figure.savefig(partial, dpi=_DPI, metadata=date)


def _panel(axes: Axes, rows: Sequence[Row], costs: Sequence[float], name: str) -> None:
    """One cost; what is on the front is blue, and joined."""
    on = sorted(
        (cost, row.quality.ap50) for cost, row in zip(costs, rows, strict=True) if name in row.best
    )
    axes.plot(*zip(*on, strict=True), color=_ON, linewidth=1)
    for cost, row in zip(costs, rows, strict=True):
        colour = _ON if name in row.best else _OFF
        axes.plot(cost, row.quality.ap50, "o", color=colour, markersize=5)
        axes.annotate(
            row.name,
            (cost, row.quality.ap50),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7,
            color=colour,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("AP50")
    axes.grid(visible=True, alpha=0.3)
