"""Terminal output of the commands: progress bars while they work, and their results."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edged.config.codec import encode_path
from edged.terminal.escape import one_line
from edged.terminal.rich_console import SafeConsole
from edged.terminal.rows import format_rows

T = TypeVar("T")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, which every command has."""
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def print_result(args: argparse.Namespace, result: msgspec.Struct, lines: Sequence[str]) -> None:
    """Print a command's result.

    Args:
        args: parsed arguments with ``json``.
        result: printed as JSON if ``--json`` was given.
        lines: printed otherwise.
    """
    if args.json:
        packed = msgspec.json.encode(result, enc_hook=encode_path)
        print(msgspec.json.format(packed, indent=2).decode())
    else:
        print("\n".join(map(one_line, lines)))


def format_table(rows: Iterable[tuple[str, Any]]) -> list[str]:
    """Format names and values, one pair a line, with the values in one column."""
    pairs = [(one_line(name), value) for name, value in rows]
    width = max((len(name) for name, _ in pairs), default=0)
    return format_rows(pairs, name_width=width + 1)


def track_progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield the items with a progress bar on standard error, if that is a terminal.

    Args:
        items: what to iterate over.
        description: what the bar is about.
        total: number of items; None if it is not known.
    """
    with progress_bar() as progress:
        yield from progress.track(items, total=total, description=description)


def progress_bar() -> Progress:
    """Return a progress bar on standard error. It appears on terminals only, and is cleared when it is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return _ProgressWithNotes(
        *columns,
        console=SafeConsole(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


class _ProgressWithNotes(Progress):
    """A progress bar whose tasks have the field ``note``, which the last column shows."""

    def add_task(self, description: str, *args: Any, **kwargs: Any) -> Any:
        return super().add_task(description, *args, **{"note": "", **kwargs})
