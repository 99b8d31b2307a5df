"""Writes tables as TOML, for the files in conf.d that edged writes itself."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def format_toml(table: Mapping[str, Any]) -> str:
    """Return a table as TOML: its values first, then its tables, each with its full name.

    Args:
        table: texts, numbers, booleans, and lists and tables of them.
    """
    return "\n".join(_format_table(table, ())).strip("\n") + "\n"


def _format_table(table: Mapping[str, Any], name: tuple[str, ...]) -> Iterator[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if name and (values or not table):
        yield f"\n[{'.'.join(map(_format_key, name))}]"
    for key, value in values.items():
        yield f"{_format_key(key)} = {_format_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _format_table(value, (*name, key))


def _format_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _format_value(key)


def _format_value(value: Any) -> str:
    if isinstance(value, str):
        # JSON's escapes are TOML's, but DEL must be escaped as well, and a character beyond 16 bits must not become two.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return f"[{', '.join(map(_format_value, value))}]"
