"""Rows of a name and its value, one a line, as the commands print them."""

from collections.abc import Iterable, Sequence

from edged.terminal.escape import one_line

NAME_WIDTH = 12


def format_rows(rows: Iterable[tuple[str, object]], *, name_width: int = NAME_WIDTH) -> list[str]:
    """Format names and values, one pair a line.

    Args:
        rows: the pairs.
        name_width: characters of the column of names.
    """
    return [f"{one_line(name):<{name_width}} {one_line(value)}" for name, value in rows]


def format_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Format a table, its header first, each column as wide as its widest cell."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
