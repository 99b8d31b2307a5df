"""The texts that the code can print, for the documentation that quotes them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ELLIPSIS = "…"
"""Stands for what a message fills in."""


def find_texts(folder: Path) -> Iterator[str]:
    """Return every text in the Python files below a folder but its docstrings; what is filled in, is `ELLIPSIS`."""
    for path in sorted(folder.rglob("*.py")):
        yield from _texts_in(ast.parse(path.read_text(encoding="utf-8")))


def _texts_in(tree: ast.AST) -> Iterator[str]:
    match tree:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else ELLIPSIS for part in parts
            )
        case ast.Constant(value=str(text)):
            yield text.replace("%s", ELLIPSIS).replace("%d", ELLIPSIS)
    for child in ast.iter_child_nodes(tree):
        yield from _texts_in(child)
