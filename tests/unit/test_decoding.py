"""Whoever takes malformed JSON into account takes deeply nested JSON into account, for which msgspec raises RecursionError."""

import ast
from pathlib import Path

import edged

SOURCES = Path(edged.__file__).parent


def test_deeply_nested_json_is_malformed_json() -> None:
    """A file or message that is nested 1000 times ends no process where another malformed one does not."""
    found = {
        f"{path.relative_to(SOURCES)}:{one.lineno}": ast.unparse(one.type)
        for path in SOURCES.rglob("*.py")
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.ExceptHandler) and one.type is not None
    }
    decoding = {place: names for place, names in found.items() if "MsgspecError" in names}
    assert decoding
    assert {p: names for p, names in decoding.items() if "RecursionError" not in names} == {}
