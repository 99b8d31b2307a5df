"""``edged-models goldens``: choose pictures and store the detections that a device must find in them."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.model.goldens import Goldens, Tolerances
from edged.terminal.numbers import integer_in_range
from edged_models import console
from edged_models.cli.options import (
    add_labels_option,
    add_limit_option,
    add_min_score_option,
    add_model_argument,
    add_skip_bad_option,
)

if TYPE_CHECKING:
    from edged_models.goldens.generation import GeneratedGoldens

_MIN_COUNT, _MAX_COUNT = 4, 64
_DEFAULT_LIMIT = 300


class GoldensResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        out: the folder with the goldens.
        kinds: number of goldens of each kind.
        detections: number of expected detections in all goldens.
        tolerances: largest differences that a device may have.
        runtimes: runtimes that were compared with the reference kernels.
        runtime_errors: reasons why a runtime was not compared.
        pictures: number of pictures that were evaluated.
        unusable_pictures: number of pictures among them that cannot be goldens.
        bytes: size of the folder.
        seconds: duration of the command.
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
        help="choose pictures and store the detections that the model must find in them",
        description="Chooses pictures, some of them empty or difficult, and stores the detections of the model on the runtime's "
        "reference kernels, with tolerances for the differences between runtimes. A device with other detections has a damaged "
        "model.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "pictures",
        metavar="PICTURES",
        help="pictures, as for the command evaluate; for a detector at least two must be without objects, for a classifier they must "
        "show two classes or more",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="output folder (default: MODEL.goldens)"
    )
    parser.add_argument(
        "--count",
        type=integer_in_range(min_value=_MIN_COUNT, max_value=_MAX_COUNT),
        default=8,
        metavar="N",
        help="number of goldens (%(default)s)",
    )
    add_min_score_option(parser, text="lowest score of an expected detection")
    add_limit_option(
        parser, text="evaluate at most so many pictures, evenly spread", default=_DEFAULT_LIMIT
    )
    add_labels_option(parser)
    add_skip_bad_option(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Make the goldens and write them.

    Raises:
        EdgedError: the model or the pictures cannot be used, or the folder cannot be written.
    """
    from edged_models.cli.opened_pictures import open_for_command
    from edged_models.goldens.folder import check_folder, write_folder
    from edged_models.goldens.generation import make_goldens
    from edged_models.pictures.subset import take_evenly

    out = args.out or args.model.with_suffix(".goldens")
    check_folder(out)
    began_s = time.perf_counter()
    pictures = take_evenly(open_for_command(args.pictures, skip_bad=args.skip_bad), args.limit)
    generated = make_goldens(
        args.model,
        pictures,
        count=args.count,
        min_score=args.min_score,
        labels_file=args.labels,
        track=partial(console.track_progress, description="evaluating", total=len(pictures)),
    )
    write_folder(out, generated.files)
    seconds = time.perf_counter() - began_s
    result = _build_result(generated, out=out, pictures=len(pictures), seconds=seconds)
    console.print_result(args, result, console.format_table(_format_rows(result)))
    return 0


def _build_result(
    generated: "GeneratedGoldens", *, out: Path, pictures: int, seconds: float
) -> GoldensResult:
    return GoldensResult(
        out=out,
        kinds=_count_kinds(generated.goldens),
        detections=sum(len(golden.detections) for golden in generated.goldens.goldens),
        tolerances=generated.goldens.tolerances,
        runtimes=generated.runtimes,
        runtime_errors=generated.runtime_errors,
        pictures=pictures,
        unusable_pictures=generated.unusable_pictures,
        bytes=sum(map(len, generated.files.values())),
        seconds=seconds,
    )


def _count_kinds(goldens: Goldens) -> dict[str, int]:
    kinds = [golden.kind for golden in goldens.goldens]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def _format_rows(result: GoldensResult) -> list[tuple[str, str]]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in result.kinds.items())
    tolerances = result.tolerances
    return [
        ("goldens", f"{sum(result.kinds.values())} ({kinds}) with {result.detections} detections"),
        (
            "tolerances",
            f"IoU at least {tolerances.min_iou:g}, score within {tolerances.max_score_difference:g}",
        ),
        ("compared", ", ".join(result.runtimes)),
        *(("not compared", reason) for reason in result.runtime_errors),
        ("evaluated", f"{result.pictures} pictures, {result.unusable_pictures} of them unusable"),
        ("written", f"{result.out}, {result.bytes / 1024:.0f} KiB"),
        ("took", f"{result.seconds:.1f} s"),
    ]
