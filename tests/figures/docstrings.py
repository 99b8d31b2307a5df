"""Docstrings: first lines that stand alone, Args, Raises, shapes of arrays."""

import ast
import re
from collections.abc import Callable, Iterator

from figures.figure import Figure
from figures.source import Function, Source, classes, functions

MIN_PARAMETERS = 3
"""From so many parameters on, a docstring has Args."""
_FRAGMENT = frozenset(
    [
        "of",
        "as",
        "for",
        "from",
        "with",
        "without",
        "in",
        "into",
        "on",
        "to",
        "by",
        "at",
        "and",
        "or",
        "but",
        "until",
        "while",
        "when",
        "where",
        "whether",
        "if",
        "because",
        "so",
        "than",
        "that",
        "which",
        "who",
        "whom",
        "whose",
        "what",
        "whatever",
        "how",
        "why",
        "it",
        "its",
        "they",
        "them",
        "their",
        "he",
        "she",
        "this",
        "these",
        "those",
        "here",
        "there",
        "see",
        "same",
        "else",
        "only",
        "not",
        "also",
        "again",
        "now",
        "then",
        "after",
        "before",
        "between",
        "beside",
        "beyond",
        "below",
        "above",
        "over",
        "under",
        "through",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "does",
        "did",
        "can",
        "may",
        "must",
        "might",
        "once",
        "like",
        "same",
        "since",
        "still",
    ]
)
"""A first line that begins so says nothing by itself."""
_ARRAY = re.compile(r"\b(NDArray|ndarray|F32|F64|I32|U8|Pixels|Flags)\b")
_SHAPE = re.compile(
    r"\([^()]*\b[A-Z0-9][\w*/+]*\b[^()]*,?\s*[^()]*\)|\bscalar\b|any shape|same shape"
)
_DTYPE = re.compile(
    r"\b(u?int(8|16|32|64)|float(16|32|64)|bool|intp|any dtype|same dtype|object)\b"
)


def docstring_figures(sources: tuple[Source, ...], errors: frozenset[str]) -> tuple[Figure, ...]:
    """Return the figures of docstrings.

    Args:
        sources: the files.
        errors: names of the project's own exception classes.

    Returns:
        Fragments, Args, Raises and shapes, as shares of where each is due.
    """
    documented = list(_first_lines(sources))
    fragments = [place for place, line in documented if is_fragment(line)]
    public = [one for one in functions(sources) if one.public and ast.get_docstring(one.node)]
    return (
        Figure(
            name="docstrings whose first line is a fragment",
            value=len(fragments) / max(len(documented), 1),
            limit=0.02,
            share=True,
            places=tuple(fragments),
        ),
        _share("Args where due", 0.95, [one for one in public if _args_due(one)], _has_args),
        _share(
            "Raises where due", 0.95, [one for one in public if _raised(one, errors)], _has_raises
        ),
        _share(
            "shapes and dtypes of arrays",
            1.0,
            [one for one in public if _has_array(one)],
            _has_shape,
        ),
    )


def is_fragment(line: str) -> bool:
    """Return whether a docstring's first line does not stand alone."""
    words = re.findall(r"[A-Za-z_']+", line)
    return not words or words[0].lower() in _FRAGMENT


def _share(
    name: str, limit: float, due: list[Function], good: Callable[[Function], bool]
) -> Figure:
    bad = tuple(one.place for one in due if not good(one))
    value = 1 - len(bad) / len(due) if due else 1.0
    return Figure(
        name=f"{name} ({len(due)})", value=value, limit=limit, at_least=True, share=True, places=bad
    )


def _first_lines(sources: tuple[Source, ...]) -> Iterator[tuple[str, str]]:
    for source in sources:
        nodes: list[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]
        nodes = [(f"{source.path}:1: module", source.tree)]
        nodes += [
            (f"{source.path}:{node.lineno}: {node.name}", node) for _, node in classes((source,))
        ]
        nodes += [(one.place, one.node) for one in functions((source,))]
        for place, node in nodes:
            text = ast.get_docstring(node)
            if text:
                yield f"{place}: {text.splitlines()[0]}", text.splitlines()[0]


def _docstring(function: Function) -> str:
    return ast.get_docstring(function.node) or ""


def _args_due(function: Function) -> bool:
    return len(function.parameters) >= MIN_PARAMETERS and function.node.name[:2] != "__"


def _has_args(function: Function) -> bool:
    return "Args:" in _docstring(function)


def _raised(function: Function, errors: frozenset[str]) -> set[str]:
    """Return our own errors that the function itself raises and does not catch."""
    return {
        name
        for node in ast.walk(function.node)
        if isinstance(node, ast.Raise) and node.exc is not None
        for name in [_called(node.exc)]
        if name in errors
    }


def _called(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.id if isinstance(target, ast.Name) else ""


def _has_raises(function: Function) -> bool:
    return "Raises:" in _docstring(function)


def _has_array(function: Function) -> bool:
    annotations = [one.annotation for one in function.parameters] + [function.node.returns]
    return any(_ARRAY.search(ast.unparse(one)) for one in annotations if one is not None)


def _has_shape(function: Function) -> bool:
    text = _docstring(function)
    return bool(_SHAPE.search(text) and _DTYPE.search(text))
