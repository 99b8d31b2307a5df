"""``edged-models pictures``: list what sets of pictures contain and what is wrong with them, and write one as a COCO folder."""

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.terminal.escape import one_line
from edged_models.cli.options import add_limit_option, add_skip_bad_option
from edged_models.console import add_json_option, format_table, print_result, track_progress
from edged_models.errors import ToolError
from edged_models.files import write_text
from edged_models.pictures.set_report import SetReport
from edged_models.pictures.similarity import SimilarPair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edged_models.pictures.examine import ExaminedSet
    from edged_models.pictures.labelled import PictureSet


class PicturesReport(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        sets: a report for each set, in the order of the command line.
        similar: pictures that are in two of the sets, the same or nearly.
        out: path of the COCO folder; None if none was written.
        report: path of the page; None if none was written.
        seconds: duration of the command.
    """

    sets: tuple[SetReport, ...]
    similar: tuple[SimilarPair, ...]
    out: Path | None
    report: Path | None
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "pictures",
        help="list what sets of pictures contain and what is wrong with them, or write one as a COCO folder",
        description="Reads every picture of a set: drawn scenes (scenes:train, scenes:held-out, scenes:hard, each with :N), a COCO, "
        "YOLO or Pascal VOC folder, a folder with a subfolder for each class, a clip with its ground truth, or plain pictures. Lists "
        "all problems, and fails if one of them makes pictures unusable. Of several sets, it lists the pictures that are in two of them.",
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURES",
        help="a set of pictures; :train, :val or :test behind it names a part",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the set as a COCO folder")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="write the report as a page, with all problems",
    )
    add_limit_option(parser, text="at most so many pictures of each set, evenly spread")
    add_skip_bad_option(parser)
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read the pictures, print what they contain, and write them and the page if that was asked for.

    Returns:
        1 if a picture cannot be used and ``--skip-bad`` was not given, or no picture can be used; else 0.

    Raises:
        PicturesError: a set cannot be opened, or no picture of it can be used.
        ToolError: the folder or the page cannot be written.
    """
    from edged_models.pictures.similarity import find_similar

    if args.out and len(args.pictures) > 1:
        args.usage("--out takes only one set of pictures")
    began_s = time.perf_counter()
    opened = [_open(spec, args) for spec in args.pictures]
    examined = [_examine(pictures, args) for pictures in opened]
    sets = tuple(one.report for one in examined)
    has_errors = any(_is_unusable(one, args) for one in sets)
    pairs = tuple(find_similar([one.fingerprints for one in examined]))
    if args.report:
        _write_page(args.report, opened, sets, pairs)
    report = PicturesReport(
        sets=sets,
        similar=pairs,
        out=None if has_errors else args.out,
        report=args.report,
        seconds=round(time.perf_counter() - began_s, 1),
    )
    print_result(args, report, _format_lines(report))
    if has_errors:
        print(_describe_failure(args, sets), file=sys.stderr)
    return int(has_errors)


def _open(spec: str, args: argparse.Namespace) -> "PictureSet":
    from edged_models.pictures.open_pictures import open_unchecked
    from edged_models.pictures.subset import take_evenly

    return take_evenly(open_unchecked(spec), args.limit)


def _examine(pictures: "PictureSet", args: argparse.Namespace) -> "ExaminedSet":
    from edged_models.pictures.examine import examine
    from edged_models.pictures.export import CocoWriter
    from edged_models.pictures.labelled import Task

    track = partial(track_progress, description="reading", total=len(pictures))
    if not args.out:
        return examine(pictures, skip_bad=args.skip_bad, track=track)
    if pictures.task is Task.CLASSIFICATION:
        raise ToolError(
            f"{pictures.name} has classes of whole pictures: COCO has none; leave --out"
        )
    with CocoWriter(args.out, pictures.labels) as writer:
        examined = examine(pictures, skip_bad=args.skip_bad, writer=writer, track=track)
        if _is_unusable(examined.report, args):
            writer.cancel()
    return examined


def _is_unusable(report: SetReport, args: argparse.Namespace) -> bool:
    return not report.pictures or bool(report.errors and not args.skip_bad)


def _describe_failure(args: argparse.Namespace, sets: tuple[SetReport, ...]) -> str:
    names = ", ".join(one_line(one.name) for one in sets if _is_unusable(one, args))
    remedy = "" if args.skip_bad else "; mend them, or leave the pictures out with --skip-bad"
    written = f"; nothing is written to {args.out}" if args.out else ""
    return f"edged-models: pictures cannot be used in {names}, see the errors{remedy}{written}"


def _write_page(
    path: Path,
    opened: "list[PictureSet]",
    sets: tuple[SetReport, ...],
    pairs: tuple[SimilarPair, ...],
) -> None:
    from edged_models.pictures.report_page import build_page

    def read(index: int, number: int) -> "NDArray[np.uint8]":
        return opened[index][number].image

    write_text(path, build_page(sets, pairs, read))


def _format_lines(report: PicturesReport) -> list[str]:
    from edged_models.pictures.report_text import list_facts, list_pairs, list_problems

    lines: list[str] = []
    for one in report.sets:
        lines += [*format_table(list_facts(one)), *list_problems(one), ""]
    pairs = [*list_pairs(report.sets, report.similar)]
    lines += [*pairs, *([""] if pairs else [])]
    rows = [("took", f"{report.seconds:.1f} s")]
    if report.out:
        rows.append(("written", f"{report.out}, as COCO"))
    if report.report:
        rows.append(("report", str(report.report)))
    return [*lines, *format_table(rows)]
