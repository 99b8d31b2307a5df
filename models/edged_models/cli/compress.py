"""``edged-models compress``: every technique on one net, and the table that compares them."""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.progress import Progress

from edged_models.cli.shrinking import add_checkpoint, add_tuning, tuning_of
from edged_models.compression.techniques import GRID, Done, Job, Technique, chosen
from edged_models.console import add_json, answer, bar
from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.errors import ToolError
from edged_models.files import write_text
from edged_models.pictures.labelled import Labelled

if TYPE_CHECKING:
    from edged_models.compression.rows import Table


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "compress",
        help="try every way of making a net smaller or faster, and compare them in a table",
        description="Makes each variant in a process of its own, judges all on the same pictures, and measures them in turns on "
        "both runtimes. Writes the models, table.json, table.md, table.png and table.svg.",
    )
    add_checkpoint(parser)
    parser.add_argument(
        "--pictures",
        default="scenes:held-out:200",
        metavar="PICTURES",
        help="to judge on: a labelled folder, or drawn scenes (%(default)s)",
    )
    parser.add_argument(
        "--only",
        type=_names,
        metavar="A,B",
        help=f"these techniques alone, of {', '.join(technique.name for technique in GRID)}",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what an earlier run with the same settings made"
    )
    add_tuning(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="beside the checkpoint if not set"
    )
    add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Make, judge, measure, and print the table.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, nothing came out, or something cannot be written.
    """
    from edged_models.compression.plot import draw
    from edged_models.compression.tables import markdown, terminal_lines

    checkpoint = load_checkpoint(args.checkpoint)
    folder = args.out or args.checkpoint.with_name(f"{args.checkpoint.stem}-compressed")
    table = _compared(args, checkpoint, folder)
    packed = msgspec.json.format(msgspec.json.encode(table), indent=2)
    write_text(folder / "table.json", packed.decode() + "\n")
    write_text(folder / "table.md", markdown(table))
    for suffix in ("png", "svg"):
        draw(table, folder / f"table.{suffix}")
    lines = [
        *terminal_lines(table),
        f"Written to {folder}: the models, table.json, table.md, table.png, table.svg; took {table.seconds:.0f} s.",
    ]
    answer(args, table, lines)
    return 0


def _compared(args: argparse.Namespace, checkpoint: Checkpoint, folder: Path) -> "Table":
    from edged_models.compression.grid import judged, make, measured
    from edged_models.compression.machine import this_machine
    from edged_models.compression.records import Records
    from edged_models.compression.rows import Table, ranked
    from edged_models.pictures.sources import open_pictures

    began_s = time.perf_counter()
    tuning, digest = tuning_of(args), checkpoint.digest()
    # Both before the long work, so that a slip of the pen shows at once.
    open_pictures(tuning.learn, labels=checkpoint.architecture.labels)
    pictures = open_pictures(args.pictures, labels=checkpoint.architecture.labels)
    jobs = [
        Job(
            technique=technique,
            checkpoint=str(args.checkpoint),
            digest=digest,
            tuning=tuning,
            out=str(folder / f"{technique.name}.tflite"),
        )
        for technique in chosen(args.only, side_px=checkpoint.side_px)
    ]
    machine, records = this_machine(), Records(folder / "records")
    with bar() as progress:
        watcher = _Bars(progress, len(jobs), len(pictures))
        made, omitted = make(jobs, records, resume=args.resume, watcher=watcher)
        if not made:
            raise ToolError("; ".join(f"{one.name}: {one.reason}" for one in omitted))
        finished = judged(made, pictures, args.pictures, records, watcher=watcher)
        rows = measured(finished, list(machine.runtimes), watcher=watcher)
    return Table(
        checkpoint=args.checkpoint.name,
        digest=digest,
        side_px=checkpoint.side_px,
        pictures=args.pictures,
        tuning=tuning,
        machine=machine,
        rows=ranked(rows),
        omitted=tuple(omitted),
        seconds=time.perf_counter() - began_s,
    )


class _Bars:
    """A bar for each part of the work; see `compression.grid.Watcher`."""

    def __init__(self, progress: Progress, variants: int, pictures: int) -> None:
        self._progress = progress
        self._making = progress.add_task("making variants", total=variants)
        self._judging = progress.add_task("judging", total=pictures)
        self._measuring = progress.add_task("measuring", total=variants)

    def making(self, technique: Technique, fine_tuned: Done | None) -> None:
        """Names it, and how far its fine-tuning is."""
        how_far = f", step {fine_tuned.done} of {fine_tuned.of}" if fine_tuned else ""
        self._progress.update(self._making, note=f"{technique.title}{how_far}")

    def made(self) -> None:
        """One more."""
        self._progress.update(self._making, advance=1, note="")

    def shown(self, pictures: Iterable[Labelled]) -> Iterator[Labelled]:
        """Counts them."""
        for picture in pictures:
            yield picture
            self._progress.advance(self._judging)

    def measured(self) -> None:
        """One more."""
        self._progress.advance(self._measuring)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [technique.name for technique in GRID]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"no technique is called {name!r}: there are {', '.join(known)}"
            )
    if not names:
        raise argparse.ArgumentTypeError("names no technique")
    return names
