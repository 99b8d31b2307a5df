"""``edged-models compress``: every technique on one net, and the table that compares them."""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.progress import Progress

from edged_models.cli.compression_command import (
    add_checkpoint_argument,
    add_fine_tuning_options,
    read_fine_tuning_options,
)
from edged_models.compression.techniques import (
    GRID,
    BuildJob,
    BuildProgress,
    Technique,
    select_techniques,
)
from edged_models.console import add_json_option, print_result, progress_bar
from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.errors import ToolError
from edged_models.files import write_text
from edged_models.pictures.labelled import LabelledPicture

if TYPE_CHECKING:
    from edged_models.compression.comparison import ComparisonTable


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "compress",
        help="try every way of making a net smaller or faster, and compare them in a table",
        description="Makes each variant in a process of its own, judges all on the same pictures, and measures them in turns on "
        "both runtimes. Writes the models, table.json, table.md, table.png and table.svg.",
    )
    add_checkpoint_argument(parser)
    parser.add_argument(
        "--pictures",
        default="scenes:held-out:200",
        metavar="PICTURES",
        help="to judge on: a labelled folder, or drawn scenes (%(default)s)",
    )
    parser.add_argument(
        "--only",
        type=_parse_technique_names,
        metavar="A,B",
        help=f"these techniques alone, of {', '.join(technique.name for technique in GRID)}",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what an earlier run with the same settings made"
    )
    add_fine_tuning_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="beside the checkpoint if not set"
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Make, judge, measure, and print the table.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, nothing came out, or something cannot be written.
    """
    from edged_models.compression.comparison_text import format_markdown, format_terminal
    from edged_models.compression.plot import draw_table

    checkpoint = load_checkpoint(args.checkpoint)
    folder = args.out or args.checkpoint.with_name(f"{args.checkpoint.stem}-compressed")
    table = _build_table(args, checkpoint, folder)
    packed = msgspec.json.format(msgspec.json.encode(table), indent=2)
    write_text(folder / "table.json", packed.decode() + "\n")
    write_text(folder / "table.md", format_markdown(table))
    for suffix in ("png", "svg"):
        draw_table(table, folder / f"table.{suffix}")
    lines = [
        *format_terminal(table),
        f"Written to {folder}: the models, table.json, table.md, table.png, table.svg; took {table.seconds:.0f} s.",
    ]
    print_result(args, table, lines)
    return 0


def _build_table(
    args: argparse.Namespace, checkpoint: Checkpoint, folder: Path
) -> "ComparisonTable":
    from edged_models.compression.comparison import ComparisonTable, mark_pareto_fronts
    from edged_models.compression.grid import build_variants, evaluate_variants, measure_variants
    from edged_models.compression.machine import describe_machine
    from edged_models.compression.record_store import RecordStore
    from edged_models.pictures.open_pictures import open_pictures

    began_s = time.perf_counter()
    tuning, digest = read_fine_tuning_options(args), checkpoint.digest()
    # Both before the long work, so that a slip of the pen shows at once.
    open_pictures(tuning.training_pictures, labels=checkpoint.architecture.labels)
    pictures = open_pictures(args.pictures, labels=checkpoint.architecture.labels)
    jobs = [
        BuildJob(
            technique=technique,
            checkpoint=str(args.checkpoint),
            digest=digest,
            tuning=tuning,
            out=str(folder / f"{technique.name}.tflite"),
        )
        for technique in select_techniques(args.only, side_px=checkpoint.side_px)
    ]
    machine, records = describe_machine(), RecordStore(folder / "records")
    with progress_bar() as progress:
        watcher = _ProgressBars(progress, len(jobs), len(pictures))
        made, omitted = build_variants(jobs, records, resume=args.resume, listener=watcher)
        if not made:
            raise ToolError("; ".join(f"{one.name}: {one.reason}" for one in omitted))
        finished = evaluate_variants(made, pictures, args.pictures, records, listener=watcher)
        rows = measure_variants(finished, list(machine.runtimes), listener=watcher)
    return ComparisonTable(
        checkpoint=args.checkpoint.name,
        digest=digest,
        side_px=checkpoint.side_px,
        pictures=args.pictures,
        tuning=tuning,
        machine=machine,
        rows=mark_pareto_fronts(rows),
        omitted=tuple(omitted),
        seconds=time.perf_counter() - began_s,
    )


class _ProgressBars:
    """A bar for each part of the work; see `compression.grid.Watcher`."""

    def __init__(self, progress: Progress, variant_count: int, picture_count: int) -> None:
        self._progress = progress
        self._build_task = progress.add_task("making variants", total=variant_count)
        self._evaluate_task = progress.add_task("judging", total=picture_count)
        self._measure_task = progress.add_task("measuring", total=variant_count)

    def on_building(self, technique: Technique, fine_tuning: BuildProgress | None) -> None:
        """Names it, and how far its fine-tuning is."""
        how_far = (
            f", step {fine_tuning.steps_done} of {fine_tuning.steps_total}" if fine_tuning else ""
        )
        self._progress.update(self._build_task, note=f"{technique.title}{how_far}")

    def on_built(self) -> None:
        """One more."""
        self._progress.update(self._build_task, advance=1, note="")

    def track_pictures(self, pictures: Iterable[LabelledPicture]) -> Iterator[LabelledPicture]:
        """Counts them."""
        for picture in pictures:
            yield picture
            self._progress.advance(self._evaluate_task)

    def on_measured(self) -> None:
        """One more."""
        self._progress.advance(self._measure_task)


def _parse_technique_names(text: str) -> tuple[str, ...]:
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
