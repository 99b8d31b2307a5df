"""A dict as TOML: what `tomllib` reads back is the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPES = {
    "\b": r"\b",
    "\t": r"\t",
    "\n": r"\n",
    "\f": r"\f",
    "\r": r"\r",
    '"': r"\"",
    "\\": r"\\",
}
_MOST_INTEGER = 1 << 63


class TomlError(Exception):
    """Something has no form in TOML; the message says where it stands."""


def write_toml(table: Mapping[str, Any]) -> str:
    """The document.

    Raises:
        TomlError: it holds what TOML does not have, such as null.
    """
    return "".join(f"{line}\n" for line in _table(table, ())).lstrip("\n")


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Lines: its own values first, since everything after a header belongs to that."""
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
    if not isinstance(key, str):
        raise TomlError(f"the key {key!r} is no text: put it in quotes")
    return key if _BARE.match(key) else _string(key)


def _value(value: Any, path: tuple[str, ...]) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(inner, (*path, key))}" for key, inner in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"[{', '.join(_value(inner, path) for inner in value)}]"
    scalar = _scalar(value)
    if scalar is None:
        what = "null: leave the key out" if value is None else f"{value!r}, which TOML cannot say"
        raise TomlError(f"{'.'.join(path)} is {what}")
    return scalar


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and -_MOST_INTEGER <= value < _MOST_INTEGER:
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
