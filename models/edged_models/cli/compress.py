"""``edged-models compress``: apply every technique to one network, and compare the results in a table."""

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.progress import Progress

from edged_models.cli.network_options import (
    add_checkpoint_argument,
    add_fine_tuning_options,
    read_fine_tuning_options,
)
from edged_models.compression.fine_tune_settings import FineTuneSettings
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
from edged_models.pictures.labelled import LabelledPicture, PictureSet

if TYPE_CHECKING:
    from edged_models.compression.comparison import ComparisonTable, OmittedTechnique, TableRow
    from edged_models.compression.machine import Machine


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "compress",
        help="apply every technique that makes a network smaller or faster, and compare them in a table",
        description="Builds each variant in a process of its own, evaluates all of them on the same pictures, and measures them on "
        "both runtimes. Writes the models, table.json, table.md, table.png and table.svg.",
    )
    add_checkpoint_argument(parser)
    parser.add_argument(
        "--pictures",
        default="scenes:held-out:200",
        metavar="PICTURES",
        help="pictures to evaluate on: a labelled folder, or drawn scenes (%(default)s)",
    )
    parser.add_argument(
        "--only",
        type=_parse_technique_names,
        metavar="A,B",
        help=f"apply only these techniques of {', '.join(technique.name for technique in GRID)}",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="use variants of an earlier run with the same settings",
    )
    add_fine_tuning_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="output folder (default: beside the checkpoint)"
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Build, evaluate and measure the variants, and print the table.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, no technique can be applied, or a file cannot be written.
        EdgedError: a variant cannot be loaded.
    """
    checkpoint = load_checkpoint(args.checkpoint)
    folder = args.out or args.checkpoint.with_name(f"{args.checkpoint.stem}-compressed")
    table = _build_table(args, checkpoint, folder)
    lines = [
        *_write_table(table, folder),
        f"Written to {folder}: the models, table.json, table.md, table.png, table.svg; took {table.seconds:.0f} s.",
    ]
    print_result(args, table, lines)
    return 0


def _write_table(table: "ComparisonTable", folder: Path) -> list[str]:
    """Write the table in all formats, and return it as lines for the terminal."""
    from edged_models.compression.comparison_text import format_markdown, format_terminal
    from edged_models.compression.plot import draw_table

    packed = msgspec.json.format(msgspec.json.encode(table), indent=2)
    write_text(folder / "table.json", packed.decode() + "\n")
    write_text(folder / "table.md", format_markdown(table))
    for suffix in ("png", "svg"):
        draw_table(table, folder / f"table.{suffix}")
    return format_terminal(table)


def _build_table(
    args: argparse.Namespace, checkpoint: Checkpoint, folder: Path
) -> "ComparisonTable":
    from edged_models.compression.comparison import ComparisonTable, mark_pareto_fronts
    from edged_models.compression.machine import describe_machine
    from edged_models.pictures.open_pictures import open_pictures

    began_s = time.perf_counter()
    tuning = read_fine_tuning_options(args)
    # Both sets are opened before the long work, so that a wrong path is reported at once.
    open_pictures(tuning.training_pictures, labels=checkpoint.architecture.labels)
    pictures = open_pictures(args.pictures, labels=checkpoint.architecture.labels)
    machine = describe_machine()
    jobs = _list_jobs(args, checkpoint, folder, tuning)
    rows, omitted = _build_rows(args, jobs, pictures, folder=folder, machine=machine)
    return ComparisonTable(
        checkpoint=args.checkpoint.name,
        digest=checkpoint.digest(),
        side_px=checkpoint.side_px,
        pictures=args.pictures,
        tuning=tuning,
        machine=machine,
        rows=mark_pareto_fronts(rows),
        omitted=tuple(omitted),
        seconds=time.perf_counter() - began_s,
    )


def _list_jobs(
    args: argparse.Namespace, checkpoint: Checkpoint, folder: Path, tuning: FineTuneSettings
) -> list[BuildJob]:
    digest = checkpoint.digest()
    return [
        BuildJob(
            technique=technique,
            checkpoint=str(args.checkpoint),
            digest=digest,
            tuning=tuning,
            out=str(folder / f"{technique.name}.tflite"),
        )
        for technique in select_techniques(args.only, side_px=checkpoint.side_px)
    ]


def _build_rows(
    args: argparse.Namespace,
    jobs: Sequence[BuildJob],
    pictures: PictureSet,
    *,
    folder: Path,
    machine: "Machine",
) -> "tuple[list[TableRow], list[OmittedTechnique]]":
    from edged_models.compression.grid import build_variants, evaluate_variants, measure_variants
    from edged_models.compression.record_store import RecordStore

    records = RecordStore(folder / "records")
    with progress_bar() as progress:
        bars = _ProgressBars(progress, len(jobs), len(pictures))
        built, omitted = build_variants(jobs, records, resume=args.resume, listener=bars)
        if not built:
            raise ToolError("; ".join(f"{one.name}: {one.reason}" for one in omitted))
        evaluated = evaluate_variants(built, pictures, args.pictures, records, listener=bars)
        return measure_variants(evaluated, list(machine.runtimes), listener=bars), omitted


class _ProgressBars:
    """A `GridListener` that shows a progress bar for each part of the work."""

    def __init__(self, progress: Progress, variant_count: int, picture_count: int) -> None:
        self._progress = progress
        self._build_task = progress.add_task("building variants", total=variant_count)
        self._evaluate_task = progress.add_task("evaluating", total=picture_count)
        self._measure_task = progress.add_task("measuring", total=variant_count)

    def on_building(self, technique: Technique, fine_tuning: BuildProgress | None) -> None:
        """Show the variant, and the step of its fine-tuning."""
        step = (
            f", step {fine_tuning.steps_done} of {fine_tuning.steps_total}" if fine_tuning else ""
        )
        self._progress.update(self._build_task, note=f"{technique.title}{step}")

    def on_built(self) -> None:
        """Count a built variant."""
        self._progress.update(self._build_task, advance=1, note="")

    def track_pictures(self, pictures: Iterable[LabelledPicture]) -> Iterator[LabelledPicture]:
        """Yield the pictures, and count them."""
        for picture in pictures:
            yield picture
            self._progress.advance(self._evaluate_task)

    def on_measured(self) -> None:
        """Count a measured variant."""
        self._progress.advance(self._measure_task)


def _parse_technique_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [technique.name for technique in GRID]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"there is no technique {name!r}; the techniques are {', '.join(known)}"
            )
    if not names:
        raise argparse.ArgumentTypeError("give at least one technique")
    return names
