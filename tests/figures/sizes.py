"""Sizes of files and functions."""

from figures.figure import Figure
from figures.source import Source, functions

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 60
MAX_P90_LINES = 20
SETTINGS = frozenset({"edged/config/settings.py"})
"""One table of settings reads better in one file."""


def size_figures(sources: tuple[Source, ...]) -> tuple[Figure, ...]:
    """Return the figures of file and function length."""
    long_files = [
        f"{source.path}: {source.lines} lines"
        for source in sources
        if source.lines > MAX_FILE_LINES and source.path not in SETTINGS
    ]
    sized = sorted(
        ((one.node.end_lineno or 0) - one.node.lineno + 1, one.place) for one in functions(sources)
    )
    long_functions = [
        f"{place}: {size} lines" for size, place in sized if size > MAX_FUNCTION_LINES
    ]
    p90 = sized[int(len(sized) * 0.9)][0]
    return (
        Figure(
            name=f"files over {MAX_FILE_LINES} lines",
            value=len(long_files),
            limit=0,
            places=tuple(long_files),
        ),
        Figure(
            name=f"functions over {MAX_FUNCTION_LINES} lines",
            value=len(long_functions),
            limit=0,
            places=tuple(long_functions),
        ),
        Figure(name="function length, 90th percentile", value=p90, limit=MAX_P90_LINES),
    )
