"""The report as a table. Pure."""

from collections.abc import Sequence

from edged.bench.report_values import BenchReport, Row, Section, Spread
from edged.bench.run_values import EDGED

_GAP = "  "


def format_report(report: BenchReport) -> str:
    """Format the report as text for a terminal."""
    parts = [_format_head(report)]
    parts += [format_section(section) for section in report.sections]
    if report.suggestions:
        parts.append("\n".join(["Suggestions", *(f"  {line}" for line in report.suggestions)]))
    if report.remarks:
        parts.append("\n".join(f"{line}" for line in report.remarks))
    return "\n\n".join(parts)


def format_section(section: Section) -> str:
    """Format one section: a line for each row, with a column for each program, each ratio and the goals."""
    programs = _names(section.rows, ratios=False)
    others = _names(section.rows, ratios=True)
    heads = ["", "unit", *programs, *(f"/ {name}" for name in others), "goal"]
    lines = [heads, *(_format_row(row, programs, others) for row in section.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = [_GAP.join(_pad(cell, widths[i], i) for i, cell in enumerate(line)) for line in lines]
    return "\n".join([section.title, *(f"  {line}".rstrip() for line in text)])


def format_number(value: float, digits: int) -> str:
    """Format a number; one that would show as zero keeps two significant digits."""
    text = f"{value:.{digits}f}"
    return f"{value:.2g}" if value and not float(text) else text


def format_spread(spread: Spread, digits: int) -> str:
    """Format a median with its range: ``1.23 (1.20..1.31)``; one value has no range."""
    middle = format_number(spread.median, digits)
    if spread.count == 1:
        return middle
    low, high = format_number(spread.low, digits), format_number(spread.high, digits)
    return f"{middle} ({low}..{high})"


def _format_head(report: BenchReport) -> str:
    rounds = "1 round" if report.rounds == 1 else f"{report.rounds} interleaved rounds"
    return (
        f"{report.model} on {report.runtime}, frames {report.frame}, {report.fps:g} frames per second, {rounds} of {report.seconds:g} s\n"
        f"edged {report.build}\n{report.machine}"
    )


def _format_row(row: Row, programs: Sequence[str], others: Sequence[str]) -> list[str]:
    values = [_format_cell(row.values.get(name), row.digits) for name in programs]
    ratios = [_format_cell(row.ratios.get(name), 2) for name in others]
    goals = ", ".join(f"{goal.text}: {'met' if goal.met else 'missed'}" for goal in row.goals)
    return [row.title, row.unit, *values, *ratios, goals]


def _format_cell(spread: Spread | None, digits: int) -> str:
    return "" if spread is None else format_spread(spread, digits)


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)  # noqa: PLR2004 (the title and the unit)


def _names(rows: Sequence[Row], *, ratios: bool) -> list[str]:
    """Return the programs of all rows in the order of their first appearance, edged last."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row.ratios if ratios else row.values))
    return sorted(names, key=lambda name: name == EDGED)
