"""Writer for TOML documents: `tomllib` reads the same dict back. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPES = {
    "\b": r"\b",
    "\t": r"\t",
    "\n": r"\n",
    "\f": r"\f",
    "\r": r"\r",
    '"': r"\"",
    "\\": r"\\",
}
_INTEGER_LIMIT = 1 << 63


class TomlError(Exception):
    """A value has no form in TOML; the message names its key."""


def write_toml(table: Mapping[str, Any]) -> str:
    """Return a dict as a TOML document.

    Raises:
        TomlError: if a value has no form in TOML, for example null.
    """
    return "".join(f"{line}\n" for line in _table(table, ())).lstrip("\n")


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Return the lines of a table: first its values, since all that follows a header belongs to that table.

    Raises:
        TomlError: if a value has no form in TOML.
    """
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lists = {key: value for key, value in table.items() if _is_table_list(value)}
    values = [
        f"{_key(key)} = {_value(value, (*path, key))}"
        for key, value in table.items()
        if key not in tables and key not in lists
    ]
    lines = values
    if path and (values or not table or lists):
        lines = ["", f"[{_name(path)}]", *values]
    for key, entries in lists.items():
        for entry in entries:
            inner = _table(entry, (*path, key))
            if inner[:2] == ["", f"[{_name((*path, key))}]"]:
                inner = inner[2:]
            lines += ["", f"[[{_name((*path, key))}]]", *inner]
    for key, entry in tables.items():
        lines += _table(entry, (*path, key))
    return lines


def _is_table_list(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes)
        and bool(value)
        and all(isinstance(entry, Mapping) for entry in value)
    )


def _name(path: tuple[str, ...]) -> str:
    return ".".join(_key(key) for key in path)


def _key(key: Any) -> str:
    """Return a key, in quotes if it needs them.

    Raises:
        TomlError: if the key is not text.
    """
    if not isinstance(key, str):
        raise TomlError(f"the key {key!r} is not text: put it in quotes")
    return key if _BARE_KEY.match(key) else _string(key)


def _value(value: Any, path: tuple[str, ...]) -> str:
    """Return a value.

    Raises:
        TomlError: if it has no form in TOML.
    """
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(inner, (*path, key))}" for key, inner in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"[{', '.join(_value(inner, path) for inner in value)}]"
    scalar = _scalar(value)
    if scalar is None:
        problem = (
            "null: omit the key" if value is None else f"{value!r}, which TOML cannot represent"
        )
        raise TomlError(f"{'.'.join(path)} is {problem}")
    return scalar


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _string(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else None


def _float(value: float) -> str:
    if math.isfinite(value):
        return float.__repr__(value)
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _string(text: str) -> str:
    escaped = "".join(
        _ESCAPES.get(char)
        or (f"\\u{ord(char):04x}" if ord(char) < ord(" ") or char == "\x7f" else char)
        for char in text
    )
    return f'"{escaped}"'
