"""``edged-models pictures``: count what a set of pictures contains, and write it as a COCO folder."""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged_models.cli.options import add_limit_option
from edged_models.console import add_json_option, format_table, print_result, track_progress

if TYPE_CHECKING:
    from edged_models.pictures.export import CocoWriter
    from edged_models.pictures.labelled import LabelledPicture, PictureSet


class PicturesReport(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        name: name of the set.
        pictures: number of pictures.
        empty: number of pictures without objects.
        objects: number of objects of each label.
        sha256: digest over labels, pixels and boxes; the same set has the same digest.
        out: path of the COCO folder; None if none was written.
        seconds: duration of the command.
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
        help="count what a set of pictures contains, or write it as a COCO folder",
        description="Reads every picture of a set: drawn scenes (scenes:train, scenes:held-out, scenes:hard, each with :N), a COCO "
        "or YOLO folder, a clip with its ground truth, or plain pictures.",
    )
    parser.add_argument("pictures", metavar="PICTURES", help="the set of pictures")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the set as a COCO folder")
    add_limit_option(parser, text="at most so many pictures, evenly spread")
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read and count the pictures, and write them if ``--out`` is given.

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
    writer = CocoWriter(args.out, pictures.labels) if args.out else None
    counter = _PictureCounter(pictures.labels)
    sha256 = digest_pictures(pictures.labels, counter.count(pictures, writer))
    if writer:
        writer.close()
    report = PicturesReport(
        name=pictures.name,
        pictures=len(pictures),
        empty=counter.empty,
        objects=dict(counter.objects),
        sha256=sha256,
        out=args.out,
        seconds=round(time.perf_counter() - began_s, 1),
    )
    print_result(args, report, _format_lines(report))
    return 0


class _PictureCounter:
    """Counts the objects in pictures that pass through it."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self.objects = Counter(dict.fromkeys(labels, 0))
        self.empty = 0

    def count(
        self, pictures: "PictureSet", writer: "CocoWriter | None"
    ) -> "Iterator[LabelledPicture]":
        for picture in track_progress(pictures, "reading", len(pictures)):
            self.objects.update(self._labels[class_id] for class_id in picture.classes)
            self.empty += not len(picture.classes)
            if writer:
                writer.add(picture)
            yield picture


def _format_lines(report: PicturesReport) -> list[str]:
    rows: list[tuple[str, Any]] = [
        ("set", report.name),
        ("pictures", f"{report.pictures}, {report.empty} without objects"),
        *((label, count) for label, count in report.objects.items()),
        ("sha256", report.sha256),
    ]
    if report.out:
        rows.append(("written", f"{report.out}, as COCO"))
    return format_table([*rows, ("took", f"{report.seconds:.1f} s")])
