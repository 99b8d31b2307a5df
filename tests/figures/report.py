"""All figures of a checkout."""

import ast
from pathlib import Path

from figures.cycles import cycle_figures
from figures.docstrings import docstring_figures
from figures.figure import Figure
from figures.names import name_figures
from figures.sizes import size_figures
from figures.source import Source, read_sources
from figures.text import text_figures


def measure(root: Path) -> tuple[Figure, ...]:
    """Measure the checkout in `root`."""
    sources = read_sources(root)
    return (
        *size_figures(sources),
        *cycle_figures(sources),
        *docstring_figures(sources, _own_errors(sources)),
        *name_figures(sources),
        *text_figures(root),
    )


def _own_errors(sources: tuple[Source, ...]) -> frozenset[str]:
    """Return the names of the exception classes of every errors.py."""
    return frozenset(
        node.name
        for source in sources
        if source.path.endswith("/errors.py")
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    )
