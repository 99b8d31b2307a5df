"""``edged-models quantize``: from something trained to a .tflite of fewer bits."""

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

from edged.cli.numbers import count
from edged_models import console
from edged_models.conversion.arguments import add_card, add_source, card_of_options, target
from edged_models.conversion.calibration import ENOUGH, check_enough
from edged_models.conversion.leftovers import POSTPROCESS
from edged_models.conversion.written import (
    INTEGER_SCHEMES,
    Written,
    account,
    custom_doubts,
    leftover_lines,
)
from edged_models.files import write_bytes

_SCHEMES = ("dynamic", "float16", "int8", "int16x8")
_IO = ("uint8", "int8", "float")
_MOST_PICTURES = 100_000


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "quantize",
        help="make a .tflite of fewer bits, and say what of it stayed float",
        description="Converts something trained to a .tflite of fewer bits. int8 and int16x8 look at pictures of what the camera will "
        "see, encoded as the daemon encodes them, to learn the range of every tensor.",
    )
    add_source(parser)
    parser.add_argument("--scheme", choices=_SCHEMES, required=True)
    parser.add_argument(
        "--io", choices=_IO, help="type of input and outputs of int8 (uint8: pixels as they are)"
    )
    parser.add_argument(
        "--calibrate",
        metavar="PICTURES",
        help="a folder of pictures or recorded frames, a COCO or YOLO set, a clip, or scenes:train",
    )
    parser.add_argument(
        "--calibration-count",
        type=count(least=1, most=_MOST_PICTURES),
        default=300,
        metavar="N",
        help="at most so many, from all over (300)",
    )
    parser.add_argument(
        "--per-tensor", action="store_true", help="one scale for a weight, not one for each channel"
    )
    add_card(parser)
    console.add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Quantise and write.

    Raises:
        SourceError: the source or the labels cannot be read, or TensorFlow cannot quantise it.
        PicturesError: the pictures cannot be read, or are too few.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    _check(args)
    card = card_of_options(args)
    out = target(args, f"-{args.scheme}.tflite")

    from edged_models.conversion.quantize import Io, Scheme, quantize
    from edged_models.conversion.sources import open_source
    from edged_models.detector.graph import Head
    from edged_models.pictures.sources import open_pictures
    from edged_models.pictures.subset import at_most

    pictures = (
        at_most(open_pictures(args.calibrate), args.calibration_count) if args.calibrate else ()
    )
    if args.calibrate:
        check_enough(len(pictures))
    source = open_source(
        args.source, head=Head(args.head) if args.head else None, side_px=args.side
    )
    source = replace(source, card=card.over(source.card))
    model = quantize(
        source,
        scheme=Scheme(args.scheme),
        io=Io(args.io) if args.io else None,
        calibration=(one.image for one in console.tracked(pictures, "calibrating", len(pictures))),
        per_channel=not args.per_tensor,
    )
    write_bytes(out, model)
    written = account(
        model,
        source=args.source,
        out=out,
        scheme=args.scheme,
        calibrated_on=len(pictures),
        seconds=time.perf_counter() - began_s,
    )
    for doubt in doubts(written):
        print(f"edged-models: {doubt}", file=sys.stderr)
    console.answer(args, written, lines(written))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Options that do not go together are a usage error."""
    calibrated = args.scheme in INTEGER_SCHEMES
    if calibrated and not args.calibrate:
        args.usage(
            f"{args.scheme} needs --calibrate: {ENOUGH} pictures or more of what the camera will see"
        )
    if args.calibrate and not calibrated:
        args.usage(f"{args.scheme} looks at no pictures: leave --calibrate away")
    if args.io and args.scheme != "int8":
        args.usage(f"a {args.scheme} model takes and gives floats: --io goes with int8")


def doubts(written: Written) -> list[str]:
    """What the user should know before he trusts the model."""
    said = custom_doubts(written)
    if 0 < written.calibrated_on < ENOUGH:
        said.append(
            f"calibrated on {written.calibrated_on} pictures only: with {ENOUGH} or more the ranges are surer"
        )
    rest = written.leftovers.beside(POSTPROCESS)
    if rest:
        kinds = ", ".join(sorted({op.op for op in rest}))
        said.append(f"{len(rest)} ops could not be quantised and compute with floats: {kinds}")
    return said


def lines(written: Written) -> list[str]:
    """The answer as a table."""
    calibrated = [("calibrated", f"on {written.calibrated_on} pictures")]
    return console.table(
        [
            ("wrote", f"{written.out}, {written.bytes / 1024:.0f} KiB, {written.scheme}"),
            ("input", written.input),
            *(("output", output) for output in written.outputs),
            ("labels", written.labels or "none: give them with --labels"),
            *(calibrated if written.calibrated_on else ()),
            *leftover_lines(written.leftovers),
            ("took", f"{written.seconds:.1f} s"),
        ]
    )
