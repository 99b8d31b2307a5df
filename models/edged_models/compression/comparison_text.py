"""Formatting of the comparison as text."""

from collections.abc import Sequence

from edged_models.compression.comparison import ComparisonTable, TableRow

_FIRST_NUMBER_COLUMN = 1
_COST_NOTE = (
    "ms: median CPU time of an invocation with one thread. MiB: peak memory to load and invoke the model, minus that of the process "
    "without it."
)
_FRONT_NOTE = (
    "Pareto front: no other row has at least the same AP50 at no more of the named cost (size or latency), and is better in one of "
    "the two."
)


def format_terminal(table: ComparisonTable) -> list[str]:
    """Format the table for a terminal, with aligned columns."""
    rows = [_header_cells(table.rows), *(_row_cells(row) for row in table.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width)
            if column < _FIRST_NUMBER_COLUMN or column == len(row) - 1
            else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return [*lines, "", *_format_notes(table)]


def format_markdown(table: ComparisonTable) -> str:
    """Format the table as Markdown."""
    header = _header_cells(table.rows)
    alignment = [
        "---" if column < _FIRST_NUMBER_COLUMN else "---:" for column in range(len(header))
    ]
    alignment[-1] = "---"
    rows = [header, alignment, *(_row_cells(row) for row in table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *(f"{note}  " for note in _format_notes(table))]).rstrip() + "\n"


def _header_cells(rows: Sequence[TableRow]) -> list[str]:
    costs = rows[0].costs if rows else ()
    return [
        "technique",
        "KiB",
        "deflated KiB",
        "AP50",
        "AP",
        *(f"{cost.runtime} ms" for cost in costs),
        *(f"{cost.runtime} MiB" for cost in costs),
        "Pareto front",
    ]


def _row_cells(row: TableRow) -> list[str]:
    return [
        f"{row.title} ({row.remark})" if row.remark else row.title,
        f"{row.file_bytes / 1024:.0f}",
        f"{row.deflated_bytes / 1024:.0f}",
        f"{row.quality.ap50:.3f}",
        f"{row.quality.ap:.3f}",
        *(f"{cost.latency_ms:.2f}" for cost in row.costs),
        *(f"{cost.ram_mib:.1f}" for cost in row.costs),
        ", ".join(row.pareto_fronts),
    ]


def _format_notes(table: ComparisonTable) -> list[str]:
    tuning = table.tuning
    tuned = f"fine-tuned for {tuning.steps} steps on {tuning.training_pictures}, seed {tuning.seed}"
    notes = [
        f"{table.checkpoint} ({table.digest[:12]}), input {table.side_px} px, evaluated on {table.pictures}; {tuned}.",
        _COST_NOTE,
        _FRONT_NOTE,
        f"Machine: {table.machine.describe()}.",
    ]
    return notes + [f"Omitted, {one.name}: {one.reason}" for one in table.omitted]
