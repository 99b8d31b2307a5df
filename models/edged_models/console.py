"""What a command shows: progress on the terminal while it works, its answer when it is done."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edged.config.codec import encode_path

T = TypeVar("T")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """The option that every command has."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def print_result(args: argparse.Namespace, result: msgspec.Struct, lines: Sequence[str]) -> None:
    """Print a command's result: `result` as JSON if ``--json`` was given, else the lines."""
    if args.json:
        packed = msgspec.json.encode(result, enc_hook=encode_path)
        print(msgspec.json.format(packed, indent=2).decode())
    else:
        print("\n".join(lines))


def format_table(rows: Iterable[tuple[str, Any]]) -> list[str]:
    """Name and value, one pair a line, the values in one column."""
    pairs = [(name, str(value)) for name, value in rows]
    width = max((len(name) for name, _ in pairs), default=0)
    return [f"{name:<{width}}  {value}" for name, value in pairs]


def track_progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """The items, with a progress bar on standard error if that is a terminal."""
    with progress_bar() as progress:
        yield from progress.track(items, total=total, description=description)


def progress_bar() -> Progress:
    """A progress bar on standard error, seen on a terminal only; gone when it is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(stderr=True)
    return _ProgressWithNotes(
        *columns, console=console, disable=not sys.stderr.isatty(), transient=True
    )


class _ProgressWithNotes(Progress):
    """Gives every task the field that the last column shows."""

    def add_task(self, description: str, *args: Any, **kwargs: Any) -> Any:
        return super().add_task(description, *args, **{"note": "", **kwargs})
