"""The report as pictures, by matplotlib, which no device needs."""

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any

from edged.bench.report_values import BenchReport, Row, Section, Spread
from edged.bench.run_values import EDGED
from edged.errors import EdgedError

_SHARE_KEYS = ("share",)
_LATENCY_KEYS = ("added_p50", "added_p95", "added_p99")
_CPU_KEYS = ("cpu", "cpu_worker", "cpu_supervisor")
_MEMORY_KEYS = ("rss", "rss_supervisor", "rss_worker", "pss")
_GROUPS = (
    ("share", "Share of the bare interpreter's rate", _SHARE_KEYS),
    ("latency", "Latency beyond the invoke, ms", _LATENCY_KEYS),
    ("cpu", "CPU time a frame, ms", _CPU_KEYS),
    ("memory", "Memory, MiB", _MEMORY_KEYS),
)
_COLOURS = ("#8c96a3", "#c98b3d", "#7f6fb0", "#2f7d6b")
_BAR_GROUP_WIDTH = 0.8


def check_plotting() -> None:
    """Check that matplotlib is installed.

    Raises:
        EdgedError: it is not.
    """
    if find_spec("matplotlib") is None:
        raise EdgedError("--plots needs matplotlib: pip install 'edged[plots]'")


def write_plots(report: BenchReport, folder: Path) -> list[Path]:
    """Draw the first section's shares, latencies, CPU times and memory as SVG files; return their paths.

    Args:
        report: the report.
        folder: the folder of the files; it is made if it is missing.

    Raises:
        EdgedError: matplotlib is missing, or a file cannot be written.
    """
    check_plotting()
    section = report.sections[0]
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, title, keys in _GROUPS:
            rows = [row for row in section.rows if row.key in keys]
            if rows:
                path = folder / f"bench-{name}.svg"
                _draw(path, title, rows, section, report)
                paths.append(path)
    except OSError as error:
        raise EdgedError(f"--plots: {error.filename or folder}: {error.strerror}") from error
    return paths


def _draw(
    path: Path, title: str, rows: Sequence[Row], section: Section, report: BenchReport
) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "edged"  # the same file for the same figures
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    programs = _list_programs(rows)
    others = zip(_list_programs(section.rows), cycle(_COLOURS[:-1]), strict=False)
    colours = dict(others) | {EDGED: _COLOURS[-1]}
    for position, program in enumerate(programs):
        _draw_program(axes, rows, program, (position, len(programs)), colours[program])
    axes.set_xticks(range(len(rows)), [row.title for row in rows], fontsize=8)
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    caption = f"edged {report.build}; {report.model}, {section.title}, {report.frame}, rounds: {report.rounds}\n{report.machine}"
    figure.supxlabel(caption, fontsize=6, color="#555555")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _list_programs(rows: Sequence[Row]) -> list[str]:
    """Return the programs that have a value in some row, edged last."""
    names = dict.fromkeys(name for row in rows for name in row.values)
    return sorted(names, key=lambda name: name == EDGED)


def _draw_program(
    axes: Any, rows: Sequence[Row], program: str, place: tuple[int, int], colour: str
) -> None:
    """Draw the bars of one program, in its colour; their lines go from the lowest to the highest round."""
    position, count = place
    width = _BAR_GROUP_WIDTH / count
    shown: list[tuple[int, Spread]] = [
        (index, row.values[program]) for index, row in enumerate(rows) if program in row.values
    ]
    places = [index + (position - (count - 1) / 2) * width for index, _ in shown]
    medians = [spread.median for _, spread in shown]
    below = [spread.median - spread.low for _, spread in shown]
    above = [spread.high - spread.median for _, spread in shown]
    axes.bar(
        places, medians, width, yerr=(below, above), label=program, color=colour, ecolor="#333333"
    )
