"""Terminal output of the commands: progress bars while they work, and their results."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from edged.config.codec import encode_path
from edged.terminal.escape import one_line
from edged.terminal.rich_console import SafeConsole
from edged.terminal.rows import format_rows

T = TypeVar("T")
HEARTBEAT_S = 30.0
"""Time between two lines about the progress where standard error is no terminal, s."""


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
    """Return a progress bar on standard error, which is cleared when it is done; where that is no terminal, a line now and then."""
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

    def __init__(self, *columns: Any, **kwargs: Any) -> None:
        super().__init__(*columns, **kwargs)
        self._last_line_s = time.monotonic()

    def add_task(self, description: str, *args: Any, **kwargs: Any) -> Any:
        return super().add_task(description, *args, **{"note": "", **kwargs})

    def update(self, task_id: TaskID, **kwargs: Any) -> None:
        super().update(task_id, **kwargs)
        self._print_line(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._print_line(task_id)

    def _print_line(self, task_id: TaskID) -> None:
        """Print a line about a task if the bar is not shown and the last line was a while ago."""
        now_s = time.monotonic()
        if not self.disable or now_s - self._last_line_s < HEARTBEAT_S:
            return
        self._last_line_s = now_s
        print(one_line(_describe_task(self._tasks[task_id])), file=sys.stderr, flush=True)


def _describe_task(task: Task) -> str:
    of_total = "" if task.total is None else f" of {task.total:.0f}"
    parts = [f"{task.description}: {task.completed:.0f}{of_total}"]
    if task.time_remaining:
        parts.append(f"{timedelta(seconds=task.time_remaining)} left")
    return ", ".join([*parts, *filter(None, [task.fields["note"]])])
