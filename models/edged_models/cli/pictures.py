"""``edged-models pictures``: what is in a set of pictures, and the set as a COCO folder."""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.terminal.numbers import integer_in_range
from edged_models.console import add_json_option, format_table, print_result, track_progress

_MAX_PICTURES = 10_000_000


class PicturesReport(Struct, frozen=True, kw_only=True):
    """What is in a set.

    Attributes:
        name: where it comes from.
        pictures: how many.
        empty: how many without anything in them.
        objects: how many of each label.
        sha256: over labels, pixels and boxes: the same set, the same digest.
        out: the COCO folder that was written, if one was asked for.
        seconds: how long it took.
    """

    name: str
    pictures: int
    empty: int
    objects: dict[str, int]
    sha256: str
    out: Path | None
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "pictures",
        help="say what is in a set of pictures, or write it as a COCO folder",
        description="Reads every picture of a set: drawn scenes (scenes:train, scenes:held-out, scenes:hard, each with :N), a COCO or YOLO folder, a clip "
        "with truth, or plain pictures.",
    )
    parser.add_argument("pictures", metavar="PICTURES")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write a COCO folder")
    parser.add_argument(
        "--limit",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        metavar="N",
        help="at most so many",
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read, count, and write if asked.

    Raises:
        PicturesError: the set or one of its pictures cannot be read.
        ToolError: the folder cannot be written.
    """
    from edged_models.pictures.digest import digest_pictures
    from edged_models.pictures.export import CocoWriter
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    began_s = time.perf_counter()
    pictures = take_evenly(open_pictures(args.pictures), args.limit)
    folder = CocoWriter(args.out, pictures.labels) if args.out else None
    objects, empty = Counter(dict.fromkeys(pictures.labels, 0)), 0

    def seen() -> Any:
        nonlocal empty
        for one in track_progress(pictures, "reading", len(pictures)):
            objects.update(pictures.labels[c] for c in one.classes)
            empty += not len(one.classes)
            if folder:
                folder.add(one)
            yield one

    sha256 = digest_pictures(pictures.labels, seen())
    if folder:
        folder.close()
    report = PicturesReport(
        name=pictures.name,
        pictures=len(pictures),
        empty=empty,
        objects=dict(objects),
        sha256=sha256,
        out=args.out,
        seconds=round(time.perf_counter() - began_s, 1),
    )
    print_result(args, report, _format_lines(report))
    return 0


def _format_lines(report: PicturesReport) -> list[str]:
    rows: list[tuple[str, Any]] = [
        ("set", report.name),
        ("pictures", f"{report.pictures}, {report.empty} with nothing in them"),
        *((label, times) for label, times in report.objects.items()),
        ("sha256", report.sha256),
    ]
    if report.out:
        rows.append(("written", f"{report.out}, as COCO"))
    return format_table([*rows, ("took", f"{report.seconds:.1f} s")])
