"""Names: class names used twice, and words that are not of this field."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from figures.figure import Figure
from figures.source import Source, classes
from figures.words import BANNED_IN_NAMES


def name_figures(sources: tuple[Source, ...]) -> tuple[Figure, ...]:
    """Return the figures of names."""
    by_name = defaultdict[str, list[str]](list)
    for source, node in classes(sources):
        by_name[node.name].append(f"{source.path}:{node.lineno}")
    twice = [f"{name}: {', '.join(at)}" for name, at in sorted(by_name.items()) if len(at) > 1]
    banned = sorted(set(_banned(sources)))
    return (
        Figure(name="class names used twice", value=len(twice), limit=0, places=tuple(twice)),
        Figure(name="banned words in names", value=len(banned), limit=0, places=tuple(banned)),
    )


def words_of(name: str) -> list[str]:
    """Split a name in snake_case or CamelCase into lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def _banned(sources: tuple[Source, ...]) -> Iterator[str]:
    for source in sources:
        names = [(1, source.path.rpartition("/")[2].removesuffix(".py"))]
        for node in ast.walk(source.tree):
            names += _defined(node)
        for line, name in names:
            for word in words_of(name):
                if word in BANNED_IN_NAMES:
                    yield f"{source.path}:{line}: {name} ({word})"


def _defined(node: ast.AST) -> list[tuple[int, str]]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [(node.lineno, node.name)]
        case ast.arg():
            return [(node.lineno, node.arg)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [(node.lineno, name)]
        case ast.Assign(targets=[ast.Name(id=name)]):
            return [(node.lineno, name)]
        case ast.Attribute(ctx=ast.Store(), attr=name):
            return [(node.lineno, name)]
        case _:
            return []
