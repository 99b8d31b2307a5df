"""Finds the line of each key in a TOML file, which tomllib does not report.

The scan follows only the shape of the text (headers, keys, brackets, quotes) and leaves the values to tomllib, which must have
accepted the text before.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator

from edged.config.problems import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_SCALAR = re.compile(
    r'''"""(?:\\.|[^\\])*?""""{0,2}'''  # up to two quotes may stand before the closing three
    r"""|'''.*?''''{0,2}"""
    r"""|"(?:\\.|[^"\\])*"|'[^']*'"""
    r"""|[^,\]}#\n]+""",  # numbers, booleans, and times, which may hold a space
    re.DOTALL,
)


def locate_keys(text: str) -> dict[KeyPath, int]:
    """Map every table, key and array element of valid TOML to its line.

    Args:
        text: a text that tomllib has parsed without an error.

    Returns:
        Line numbers from 1. A table that is only implied (``a`` in ``[a.b]``) gets the first line that implies it.
    """
    return _TomlScanner(text).scan()


class _TomlScanner:
    """One pass over the text; `_position` is the next character to read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line_starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._lines: dict[KeyPath, int] = {}
        self._array_tables: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._position < len(self._text):
            if self._text.startswith("[[", self._position):
                table = self._scan_header(2)
            elif self._text[self._position] == "[":
                table = self._scan_header(1)
            else:
                self._scan_pair(table)
            self._skip(_BLANK)
        return self._lines

    def _scan_header(self, brackets: int) -> KeyPath:
        start = self._position
        self._position += brackets
        parts = self._scan_key()
        self._position += brackets
        table: KeyPath = ()
        for part in parts[:-1]:
            table = self._resolve_array_table((*table, part))
            self._record_line(table, start)
        table = (*table, parts[-1])
        self._record_line(table, start)
        if brackets == 1:
            return self._resolve_array_table(table)
        self._array_tables[table] = self._array_tables.get(table, -1) + 1
        table = self._resolve_array_table(table)
        self._record_line(table, start)
        return table

    def _resolve_array_table(self, table: KeyPath) -> KeyPath:
        """Return the newest element of an array of tables, which is what its name refers to; any other table as it is."""
        return (*table, self._array_tables[table]) if table in self._array_tables else table

    def _scan_pair(self, table: KeyPath) -> None:
        start = self._position
        path = table
        for part in self._scan_key():
            path = (*path, part)
            self._record_line(path, start)
        self._position += 1  # the equals sign
        self._skip(_SPACE)
        self._scan_value(path)

    def _scan_key(self) -> list[str]:
        parts = []
        while True:
            self._skip(_SPACE)
            parts.append(_unquote(self._match(_KEY_PART)))
            self._skip(_SPACE)
            if self._text[self._position] != ".":
                return parts
            self._position += 1

    def _scan_value(self, path: KeyPath) -> None:
        opening = self._text[self._position]
        if opening == "[":
            self._scan_array(path)
        elif opening == "{":
            self._scan_inline_table(path)
        else:
            self._match(_SCALAR)

    def _scan_array(self, path: KeyPath) -> None:
        for index, _ in enumerate(self._iterate_items("]")):
            element = (*path, index)
            self._record_line(element, self._position)
            self._scan_value(element)

    def _scan_inline_table(self, path: KeyPath) -> None:
        for _ in self._iterate_items("}"):
            self._scan_pair(path)

    def _iterate_items(self, closing: str) -> Iterator[None]:
        """Yield at each item of a bracketed list, which the caller scans; then step past `closing`."""
        self._position += 1
        self._skip(_BLANK)
        while self._text[self._position] != closing:
            yield
            self._skip(_BLANK)
            if self._text[self._position] == ",":
                self._position += 1
                self._skip(_BLANK)
        self._position += 1

    def _record_line(self, path: KeyPath, position: int) -> None:
        self._lines.setdefault(path, bisect_right(self._line_starts, position))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._match(pattern)

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._position)
        if match is None:
            raise ValueError(f"not valid TOML at character {self._position}")
        self._position = match.end()
        return match.group()


def _unquote(part: str) -> str:
    if part[0] not in "\"'":
        return part
    unquoted: str = tomllib.loads(f"key = {part}")["key"]
    return unquoted
