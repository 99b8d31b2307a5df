"""``edged-models compress``: apply every technique to one network, and compare the results in a table."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.progress import Progress

from edged_models.cli.compress_options import (
    add_picture_options,
    add_work_options,
    fill_pictures,
    list_jobs,
    read_network,
)
from edged_models.cli.network_options import (
    add_fine_tuning_options,
    add_network_argument,
    read_fine_tuning_options,
)
from edged_models.compression.build_messages import (
    BuildJob,
    BuildProgress,
    EvaluationProgress,
    NetworkSpec,
)
from edged_models.console import add_json_option, print_result, progress_bar
from edged_models.detector.checkpoint import SUFFIX, load_checkpoint
from edged_models.errors import ToolError
from edged_models.files import write_bytes, write_text
from edged_models.pictures.open_pictures import open_pictures

if TYPE_CHECKING:
    from edged_models.compression.comparison import ComparisonTable, OmittedTechnique, TableRow
    from edged_models.compression.grid import GridInputs
    from edged_models.compression.machine import Machine

_BEST = "best.tflite"


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "compress",
        help="apply every technique that makes a network smaller or faster, and compare them in a table",
        description="Builds and evaluates the variants in several processes, and measures them on both runtimes. Writes the models, "
        "table.json, table.md, table.png and table.svg.",
    )
    add_network_argument(parser)
    add_picture_options(parser)
    add_fine_tuning_options(parser)
    add_work_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="output folder (default: beside the source)"
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Build, evaluate and measure the variants, print the table, and choose a row if there is a budget.

    Raises:
        ToolError: the network or the pictures cannot be used, no technique can be applied, no row is within the budget, or a file
            cannot be written.
        EdgedError: a variant cannot be loaded.
    """
    fill_pictures(args)
    folder = args.out or args.network.with_name(f"{args.network.stem}-compressed")
    table = _build_table(args, read_network(args), folder)
    lines = _write_table(table, folder)
    if table.choice:
        write_bytes(folder / _BEST, (folder / table.choice.model).read_bytes())
        lines.append(
            f"Best: {table.choice.name}, {table.choice.reason}. Copied to {folder / _BEST}."
        )
    print_result(args, table, lines)
    if args.budget and not table.choice:
        raise ToolError(table.unmet_budget)
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
    written = f"Written to {folder}: the models, table.json, table.md, table.png, table.svg; took {table.seconds:.0f} s."
    return [*format_terminal(table), written]


def _build_table(args: argparse.Namespace, network: NetworkSpec, folder: Path) -> "ComparisonTable":
    from edged_models.compression.budget import choose_row
    from edged_models.compression.comparison import ComparisonTable, mark_pareto_fronts
    from edged_models.compression.machine import describe_machine

    began_s = time.perf_counter()
    # Both sets are opened before the long work, so that a wrong path is reported at once.
    inputs = _open_inputs(args, network)
    side_px = inputs.side_px
    jobs = list_jobs(args, network, folder, side_px=side_px)
    machine = describe_machine()
    rows, omitted = _build_rows(args, jobs, inputs, folder=folder, machine=machine)
    table = ComparisonTable(
        checkpoint=args.network.name,
        digest=network.digest,
        side_px=(side_px, side_px) if side_px else _read_side_px(folder / rows[0].model),
        pictures=args.pictures,
        tuning=read_fine_tuning_options(args),
        seeds=args.seeds,
        machine=machine,
        rows=mark_pareto_fronts(rows),
        omitted=tuple(omitted),
        seconds=time.perf_counter() - began_s,
    )
    return choose_row(table, args.budget) if args.budget else table


def _open_inputs(args: argparse.Namespace, network: NetworkSpec) -> "GridInputs":
    from edged_models.compression.grid import GridInputs

    cores = len(os.sched_getaffinity(0))
    is_checkpoint = args.network.suffix == SUFFIX
    side_px = load_checkpoint(args.network).side_px if is_checkpoint else None
    return GridInputs(
        training=open_pictures(args.train_on, labels=network.labels) if is_checkpoint else None,
        pictures=open_pictures(args.pictures, labels=network.labels),
        pictures_spec=args.pictures,
        side_px=side_px,
        processes=args.jobs,
        threads=args.threads or max(1, cores // args.jobs),
    )


def _read_side_px(model: Path) -> tuple[int, int]:
    from edged_models.conversion.tflite_model import parse_model

    parsed = parse_model(model.read_bytes(), str(model))
    height, width = parsed.tensors[parsed.inputs[0]].shape[1:3]
    return height, width


def _build_rows(
    args: argparse.Namespace,
    jobs: Sequence[BuildJob],
    inputs: "GridInputs",
    *,
    folder: Path,
    machine: "Machine",
) -> "tuple[list[TableRow], list[OmittedTechnique]]":
    from edged_models.compression.grid import build_variants, measure_variants
    from edged_models.compression.record_store import RecordStore

    records = RecordStore(folder / "records")
    with progress_bar() as progress:
        bars = _ProgressBars(progress, jobs)
        built, omitted = build_variants(jobs, records, inputs, resume=args.resume, listener=bars)
        if not built:
            raise ToolError("; ".join(f"{one.name}: {one.reason}" for one in omitted))
        return measure_variants(built, list(machine.runtimes), listener=bars), omitted


class _ProgressBars:
    """A `GridListener` that shows a progress bar for each part of the work, and what each process does."""

    def __init__(self, progress: Progress, jobs: Sequence[BuildJob]) -> None:
        self._progress = progress
        rows = len({job.technique.name for job in jobs})
        self._build_task = progress.add_task("building and evaluating", total=len(jobs))
        self._measure_task = progress.add_task("measuring", total=rows)
        self._working: dict[str, str] = {}

    def on_work(self, message: BuildProgress | EvaluationProgress) -> None:
        """Show the step of the fine-tuning, or the picture of the evaluation."""
        kind = "step" if isinstance(message, BuildProgress) else "picture"
        self._working[message.job] = f"{message.job}: {kind} {message.done} of {message.total}"
        self._show()

    def on_finished(self, name: str) -> None:
        """Count a finished variant."""
        self._working.pop(name, None)
        self._progress.advance(self._build_task)
        self._show()

    def on_measured(self) -> None:
        """Count a measured variant."""
        self._progress.advance(self._measure_task)

    def _show(self) -> None:
        self._progress.update(self._build_task, note=", ".join(self._working.values()))
