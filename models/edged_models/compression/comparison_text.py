"""Formatting of the comparison as text."""

from collections.abc import Sequence

from edged_models.compression.comparison import ComparisonTable, TableRow

_FIRST_NUMBER_COLUMN = 1
_COST_NOTE = (
    "ms: median CPU time of an invocation with one thread. MiB: peak memory to load and invoke the model, minus that of the process "
    "without it."
)
_FILE_NOTE = (
    "From the files: zeros among the weights of convolutions and dense layers (without depthwise ones), different values in the kernel "
    "that has most of them, operators that compute with floats, and operators that an EdgeTPU would run."
)
_FRONT_NOTE = (
    "Pareto front: no other row has at least the same mean accuracy at no more of the named cost (size or latency), and is better in one of "
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
    measure = rows[0].qualities[0].measure if rows else "accuracy"
    return [
        "technique",
        "KiB",
        "deflated KiB",
        measure,
        *(["AP"] if rows and rows[0].mean_ap is not None else []),
        *(f"{cost.runtime} ms" for cost in costs),
        *(f"{cost.runtime} MiB" for cost in costs),
        "zeros",
        "values",
        "float ops",
        "EdgeTPU ops",
        "Pareto front",
    ]


def _row_cells(row: TableRow) -> list[str]:
    facts = row.facts
    return [
        f"{row.title} ({row.remark})" if row.remark else row.title,
        f"{row.file_bytes / 1024:.0f}",
        f"{row.deflated_bytes / 1024:.0f}",
        format_accuracy(row),
        *([f"{row.mean_ap:.3f}"] if row.mean_ap is not None else []),
        *(_format_cost(cost.latency_ms, digits=2) for cost in row.costs),
        *(_format_cost(cost.ram_mib, digits=1) for cost in row.costs),
        f"{facts.zero_share:.1%}",
        f"{facts.max_distinct}",
        f"{facts.float_ops}",
        f"{facts.edgetpu_ops} of {facts.ops}",
        ", ".join(row.pareto_fronts),
    ]


def format_accuracy(row: TableRow) -> str:
    """Format the mean accuracy, with the lowest and the highest one if there are several seeds."""
    if row.spread is None:
        return f"{row.mean:.3f}"
    low, high = row.spread
    return f"{row.mean:.3f} ({low:.3f} to {high:.3f})"


def _format_cost(value: float | None, *, digits: int) -> str:
    return "not run" if value is None else f"{value:.{digits}f}"


def _format_notes(table: ComparisonTable) -> list[str]:
    height, width = table.side_px
    size = f"{height} px" if height == width else f"{height} x {width} px"
    notes = [
        f"{table.checkpoint} ({table.digest[:12]}), input {size}, evaluated on {table.pictures}; {_describe_tuning(table)}.",
        _COST_NOTE,
        _FILE_NOTE,
        _FRONT_NOTE,
        f"Machine: {table.machine.describe()}.",
    ]
    refusals = [
        f"{cost.runtime} does not run {row.model}: {cost.refusal}"
        for row in table.rows
        for cost in row.costs
        if cost.refusal
    ]
    omitted = [f"Omitted, {one.name}: {one.reason}" for one in table.omitted]
    return [*notes, *refusals, *omitted]


def _describe_tuning(table: ComparisonTable) -> str:
    tuning = table.tuning
    text = f"fine-tuned for {tuning.steps} steps on {tuning.training_pictures}"
    if table.seeds == 1:
        return f"{text}, seed {tuning.seed}"
    return (
        f"{text}, {table.seeds} seeds from {tuning.seed}: mean, and in brackets lowest and highest; "
        "sizes, costs and file are those of the first seed"
    )
