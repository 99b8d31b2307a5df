"""``edged-models goldens``: pictures whose detections are known, for trying a model on a device."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.model.goldens import Goldens, Tolerances
from edged.terminal.numbers import integer_in_range, number_in_range
from edged_models import console

_MIN_COUNT, _MAX_COUNT = 4, 64
_MAX_PICTURES = 1_000_000


class GoldensResult(Struct, frozen=True, kw_only=True):
    """What the command answers.

    Attributes:
        out: the folder that was written.
        kinds: how many goldens there are of each kind.
        detections: how many are expected in all of them.
        tolerances: what a device must keep.
        runtimes: those that were compared with the reference kernels.
        runtime_errors: why a runtime was not.
        pictures: how many were looked at.
        unusable_pictures: how many of them could not be used.
        bytes: the folder's size.
        seconds: how long it took.
    """

    out: Path
    kinds: dict[str, int]
    detections: int
    tolerances: Tolerances
    runtimes: tuple[str, ...]
    runtime_errors: tuple[str, ...]
    pictures: int
    unusable_pictures: int
    bytes: int
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "goldens",
        help="choose pictures and write down what a model must find in them",
        description="Chooses pictures, empty ones and hard ones among them, finds out what the model sees in them on the runtime's "
        "reference kernels, and how far the runtimes differ from that. A device that gives anything else has a damaged model.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    parser.add_argument(
        "pictures",
        metavar="PICTURES",
        help="as of evaluate; at least two of them without anything in them",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (MODEL.goldens beside the model)"
    )
    parser.add_argument(
        "--count",
        type=integer_in_range(min_value=_MIN_COUNT, max_value=_MAX_COUNT),
        default=8,
        metavar="N",
        help="of goldens (8)",
    )
    parser.add_argument(
        "--min-score",
        type=number_in_range(min_value=0, max_value=1),
        default=0.5,
        metavar="S",
        help="of an expected detection (0.5)",
    )
    parser.add_argument(
        "--limit",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        default=300,
        metavar="N",
        help="look at so many pictures at most, evenly spread (300)",
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help="the model's, one a line")
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Make the goldens and write them.

    Raises:
        EdgedError: the model or the pictures cannot be used, or the folder cannot be written.
    """
    from edged_models.goldens.folder import check_folder, write_folder
    from edged_models.goldens.generation import make_goldens
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    out = args.out or args.model.with_suffix(".goldens")
    check_folder(out)
    began_s = time.perf_counter()
    pictures = take_evenly(open_pictures(args.pictures), args.limit)
    made = make_goldens(
        args.model,
        pictures,
        count=args.count,
        min_score=args.min_score,
        labels_file=args.labels,
        track=partial(console.track_progress, description="looking", total=len(pictures)),
    )
    write_folder(out, made.files)
    result = GoldensResult(
        out=out,
        kinds=_count_kinds(made.goldens),
        detections=sum(len(golden.detections) for golden in made.goldens.goldens),
        tolerances=made.goldens.tolerances,
        runtimes=made.runtimes,
        runtime_errors=made.runtime_errors,
        pictures=len(pictures),
        unusable_pictures=made.unusable_pictures,
        bytes=sum(map(len, made.files.values())),
        seconds=time.perf_counter() - began_s,
    )
    console.print_result(args, result, console.format_table(_format_rows(result)))
    return 0


def _count_kinds(goldens: Goldens) -> dict[str, int]:
    kinds = [golden.kind for golden in goldens.goldens]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def _format_rows(result: GoldensResult) -> list[tuple[str, str]]:
    kinds = ", ".join(f"{times} {kind}" for kind, times in result.kinds.items())
    tolerances = result.tolerances
    return [
        ("goldens", f"{sum(result.kinds.values())} ({kinds}) with {result.detections} detections"),
        (
            "tolerances",
            f"IoU at least {tolerances.min_iou:g}, score within {tolerances.max_score_difference:g}",
        ),
        ("compared", ", ".join(result.runtimes)),
        *(("not compared", refusal) for refusal in result.runtime_errors),
        ("looked at", f"{result.pictures} pictures, {result.unusable_pictures} of them not fit"),
        ("written", f"{result.out}, {result.bytes / 1024:.0f} KiB"),
        ("took", f"{result.seconds:.1f} s"),
    ]
