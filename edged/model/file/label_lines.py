"""Label lists with one class on each line: names in order, or each with its class id, or a table with a header."""

import csv
import re

from edged.model.file.label_list import LabelError, NumberedLabel, order_labels
from edged.model.file.label_names import (
    TextLine,
    check_first_line,
    normalise_header,
    read_names,
    unquote,
    unwrap_names,
)

_NUMBER_FIRST = re.compile(r"(\d+)(?:\s*[:;,=|]\s*|[.)]\s+|\s+-\s+|\s+)(\S.*)")
_NUMBER_LAST = re.compile(r"(\S.*?)(?:\s*[:;,=|]\s*|\s+)(\d+)")
_MAX_CHARS = 1000
"""Longest line: the patterns take time that grows with its square."""
_DELIMITERS = (",", ";", "\t")
_ID_COLUMNS = (
    "id",
    "classid",
    "index",
    "idx",
    "labelid",
    "categoryid",
    "classindex",
    "classnumber",
    "number",
    "",
)
_NAME_COLUMNS = (
    "displayname",
    "name",
    "label",
    "classname",
    "labelname",
    "categoryname",
    "class",
    "category",
)
"""Titles of columns, without spaces and underlines."""


def parse_lines(text: str) -> tuple[str, ...]:
    """Parse lines of names, in the order of their classes, or with class ids on every line.

    An empty line is a class without a name; lines that begin with ``#`` are comments.

    Raises:
        LabelError: only some of the lines have a class id, an id stands twice, or the lines are no list.
    """
    lines = _significant_lines(text)
    named = [line for line in lines if line.text]
    for line in named:
        if len(line.text) > _MAX_CHARS:
            raise LabelError(f"longer than {_MAX_CHARS} characters", line=line.number)
    check_first_line(named)
    columns = _find_columns(named)
    if columns is not None:
        return order_labels(_read_table(named, *columns))
    entries = _read_numbered(named) or _read_number_last(named)
    if entries:
        return unwrap_names(order_labels(entries))
    return read_names(lines)


def _significant_lines(text: str) -> list[TextLine]:
    lines = [TextLine(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    # A "#" alone is a label of classifiers of characters, unless the file has comments.
    has_comments = any(line.text.startswith("#") and line.text != "#" for line in lines)
    if has_comments:
        lines = [line for line in lines if not line.text.startswith("#")]
    while lines and not lines[-1].text:
        lines.pop()
    return lines


def _read_numbered(lines: list[TextLine]) -> list[NumberedLabel]:
    """Return the labels of lines that all begin with a class id; empty if they do not, or if the numbers belong to the names."""
    entries = [
        NumberedLabel(class_id=int(match[1]), label=unquote(match[2].strip()), line=line.number)
        for line in lines
        if (match := _NUMBER_FIRST.fullmatch(line.text))
    ]
    if len(entries) < len(lines):
        _check_partly_numbered(lines, entries)
        return []
    ids = [entry.class_id for entry in entries]
    if ids != list(range(len(ids))) and len({entry.label for entry in entries}) == 1 < len(entries):
        return []  # "2 wheeler", "3 wheeler"
    if ids != sorted(ids) and set(ids) != set(range(min(ids), min(ids) + len(ids))):
        raise LabelError(
            "the numbers at the beginnings of the lines are in no order: write the class ids from 0 upwards before the names, as in 0 person"
        )
    return entries


def _check_partly_numbered(lines: list[TextLine], entries: list[NumberedLabel]) -> None:
    """Refuse lines of which some have their own position as a class id, and others have none."""
    position = {line.number: index for index, line in enumerate(lines)}
    offsets = {entry.class_id - position[entry.line or 0] for entry in entries}
    if 2 * len(entries) < len(lines) or len(entries) < 2 or offsets not in ({-1}, {0}, {1}):  # noqa: PLR2004 - two
        return
    numbered = {entry.line for entry in entries}
    first = next(line for line in lines if line.number not in numbered)
    raise LabelError(
        f'"{first.text[:40]}" has no class id, but other lines have one', line=first.number
    )


def _read_number_last(lines: list[TextLine]) -> list[NumberedLabel]:
    """Return the labels of lines that all end with a class id, if those are complete; empty if not."""
    matches = [(line.number, _NUMBER_LAST.fullmatch(line.text)) for line in lines]
    entries = [
        NumberedLabel(class_id=int(match[2]), label=unquote(match[1].strip()), line=number)
        for number, match in matches
        if match
    ]
    ids = sorted(entry.class_id for entry in entries)
    is_complete = ids in (list(range(len(lines))), list(range(1, len(lines) + 1)))
    if len(lines) > 1 and is_complete and len({one.label for one in entries}) == len(lines):
        return entries
    return []


def _find_columns(lines: list[TextLine]) -> tuple[str, int, int] | None:
    """Return the delimiter and the positions of class id and name in a table; None if the first line is no header."""
    for delimiter in _DELIMITERS if len(lines) > 1 else ():
        header = [normalise_header(cell) for cell in lines[0].text.split(delimiter)]
        name = next((header.index(column) for column in _NAME_COLUMNS if column in header), None)
        if len(header) < 2 or name is None:  # noqa: PLR2004 - two columns
            continue
        number = next((header.index(column) for column in _ID_COLUMNS if column in header), None)
        if number is not None:
            return delimiter, number, name
        raise LabelError("the table has no column id", line=lines[0].number)
    return None


def _read_table(
    lines: list[TextLine], delimiter: str, number: int, name: int
) -> list[NumberedLabel]:
    rows = csv.reader([line.text for line in lines[1:]], delimiter=delimiter, skipinitialspace=True)
    entries = []
    for line, row in zip(lines[1:], rows, strict=False):
        if len(row) <= max(number, name) or not row[number].strip().isdecimal():
            raise LabelError("the row has no class id, or no name", line=line.number)
        label = row[name].strip()
        entries.append(NumberedLabel(class_id=int(row[number]), label=label, line=line.number))
    return entries
