"""The table as text."""

from collections.abc import Sequence

from edged_models.compression.comparison import ComparisonTable, TableRow

_FIRST_NUMBER_COLUMN = 1


def format_terminal(table: ComparisonTable) -> list[str]:
    """For people at a terminal: columns of equal width."""
    rows = [_header_cells(table.rows), *(_row_cells(row) for row in table.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width)
            if place < _FIRST_NUMBER_COLUMN or place == len(row) - 1
            else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return [*lines, "", *_format_notes(table)]


def format_markdown(table: ComparisonTable) -> str:
    """For a document."""
    heads = _header_cells(table.rows)
    aligned = ["---" if place < _FIRST_NUMBER_COLUMN else "---:" for place in range(len(heads))]
    aligned[-1] = "---"
    rows = [heads, aligned, *(_row_cells(row) for row in table.rows)]
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
        f"{table.checkpoint} ({table.digest[:12]}), input {table.side_px}, judged on {table.pictures}; {tuned}.",
        "ms: median CPU time of an invocation, one thread. MiB: peak memory to load and invoke, less the bare process's.",
        "Pareto front: no other row is as good (AP50) for less of what is named, nor better for as much.",
        f"Machine: {table.machine.describe()}.",
    ]
    return notes + [f"Left out, {one.name}: {one.reason}" for one in table.omitted]
