"""On which line of a TOML file each key stands: tomllib tells what a file says, but not where.

The scan follows only the shape of the text (headers, keys, brackets, quotes) and leaves the meaning of values to tomllib,
which must have accepted the text before.
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


def locate(text: str) -> dict[KeyPath, int]:
    """Map every table, key and array element of valid TOML to its line.

    Args:
        text: what tomllib has parsed without an error.

    Returns:
        Lines from 1. A table that is only implied (``a`` in ``[a.b]``) gets the first line that implies it.
    """
    return _Scan(text).run()


class _Scan:
    """One pass over the text; `_at` is the next character to look at."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._lines: dict[KeyPath, int] = {}
        self._array_tables: dict[KeyPath, int] = {}

    def run(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._text[self._at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _header(self, brackets: int) -> KeyPath:
        start = self._at
        self._at += brackets
        parts = self._key()
        self._at += brackets
        table: KeyPath = ()
        for part in parts[:-1]:
            table = self._current((*table, part))
            self._note(table, start)
        table = (*table, parts[-1])
        self._note(table, start)
        if brackets == 1:
            return self._current(table)
        self._array_tables[table] = self._array_tables.get(table, -1) + 1
        table = self._current(table)
        self._note(table, start)
        return table

    def _current(self, table: KeyPath) -> KeyPath:
        """The element that a name means when it is an array of tables: its latest."""
        return (*table, self._array_tables[table]) if table in self._array_tables else table

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, start)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip(_SPACE)
            parts.append(_unquoted(self._take(_KEY_PART)))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        for index, _ in enumerate(self._items("]")):
            element = (*path, index)
            self._note(element, self._at)
            self._value(element)

    def _inline_table(self, path: KeyPath) -> None:
        for _ in self._items("}"):
            self._pair(path)

    def _items(self, closing: str) -> Iterator[None]:
        """Stop at each item of a bracketed list; the caller scans it; then step past `closing`."""
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != closing:
            yield
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1

    def _note(self, path: KeyPath, position: int) -> None:
        self._lines.setdefault(path, bisect_right(self._line_starts, position))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"not valid TOML at character {self._at}")
        self._at = found.end()
        return found.group()


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    unquoted: str = tomllib.loads(f"key = {part}")["key"]
    return unquoted
