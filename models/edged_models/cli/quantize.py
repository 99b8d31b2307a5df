"""``edged-models quantize``: from something trained to a .tflite of fewer bits."""

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

from edged.terminal.numbers import integer_in_range
from edged_models import console
from edged_models.conversion.arguments import (
    add_metadata_options,
    add_source_options,
    read_metadata_options,
    resolve_output_path,
)
from edged_models.conversion.calibration import RECOMMENDED_PICTURES, check_picture_count
from edged_models.conversion.conversion_report import (
    INTEGER_SCHEMES,
    ConversionReport,
    build_report,
    custom_op_warnings,
    unquantized_rows,
)
from edged_models.conversion.unquantized import POSTPROCESS
from edged_models.files import write_bytes

_SCHEMES = ("dynamic", "float16", "int8", "int16x8")
_IO_TYPES = ("uint8", "int8", "float")
_MAX_PICTURES = 100_000


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "quantize",
        help="make a .tflite of fewer bits, and say what of it stayed float",
        description="Converts something trained to a .tflite of fewer bits. int8 and int16x8 look at pictures of what the camera will "
        "see, encoded as the daemon encodes them, to learn the range of every tensor.",
    )
    add_source_options(parser)
    parser.add_argument("--scheme", choices=_SCHEMES, required=True)
    parser.add_argument(
        "--io",
        choices=_IO_TYPES,
        help="type of input and outputs of int8 (uint8: pixels as they are)",
    )
    parser.add_argument(
        "--calibrate",
        metavar="PICTURES",
        help="a folder of pictures or recorded frames, a COCO or YOLO set, a clip, or scenes:train",
    )
    parser.add_argument(
        "--calibration-count",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        default=300,
        metavar="N",
        help="at most so many, from all over (300)",
    )
    parser.add_argument(
        "--per-tensor", action="store_true", help="one scale for a weight, not one for each channel"
    )
    add_metadata_options(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Quantise and write.

    Raises:
        SourceError: the source or the labels cannot be read, or TensorFlow cannot quantise it.
        PicturesError: the pictures cannot be read, or are too few.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    _check_options(args)
    card = read_metadata_options(args)
    out = resolve_output_path(args, f"-{args.scheme}.tflite")

    from edged_models.conversion.open_source import open_source
    from edged_models.conversion.quantize import IoType, Scheme, quantize
    from edged_models.detector.graph import DetectorHead
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    pictures = (
        take_evenly(open_pictures(args.calibrate), args.calibration_count) if args.calibrate else ()
    )
    if args.calibrate:
        check_picture_count(len(pictures))
    source = open_source(
        args.source, head=DetectorHead(args.head) if args.head else None, side_px=args.side
    )
    source = replace(source, metadata=card.fill_from(source.metadata))
    model = quantize(
        source,
        scheme=Scheme(args.scheme),
        io=IoType(args.io) if args.io else None,
        calibration=(
            one.image for one in console.track_progress(pictures, "calibrating", len(pictures))
        ),
        per_channel=not args.per_tensor,
    )
    write_bytes(out, model)
    written = build_report(
        model,
        source=args.source,
        out=out,
        scheme=args.scheme,
        calibrated_on=len(pictures),
        seconds=time.perf_counter() - began_s,
    )
    for doubt in quantization_warnings(written):
        print(f"edged-models: {doubt}", file=sys.stderr)
    console.print_result(args, written, format_lines(written))
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Options that do not go together are a usage error."""
    calibrated = args.scheme in INTEGER_SCHEMES
    if calibrated and not args.calibrate:
        args.usage(
            f"{args.scheme} needs --calibrate: {RECOMMENDED_PICTURES} pictures or more of what the camera will see"
        )
    if args.calibrate and not calibrated:
        args.usage(f"{args.scheme} looks at no pictures: leave --calibrate away")
    if args.io and args.scheme != "int8":
        args.usage(f"a {args.scheme} model takes and gives floats: --io goes with int8")


def quantization_warnings(report: ConversionReport) -> list[str]:
    """What the user should know before he trusts the model."""
    said = custom_op_warnings(report)
    if 0 < report.calibrated_on < RECOMMENDED_PICTURES:
        said.append(
            f"calibrated on {report.calibrated_on} pictures only: with {RECOMMENDED_PICTURES} or more the ranges are surer"
        )
    rest = report.unquantized.list_ops_except(POSTPROCESS)
    if rest:
        kinds = ", ".join(sorted({op.op for op in rest}))
        said.append(f"{len(rest)} ops could not be quantised and compute with floats: {kinds}")
    return said


def format_lines(report: ConversionReport) -> list[str]:
    """The answer as a table."""
    calibrated = [("calibrated", f"on {report.calibrated_on} pictures")]
    return console.format_table(
        [
            ("wrote", f"{report.out}, {report.bytes / 1024:.0f} KiB, {report.scheme}"),
            ("input", report.input),
            *(("output", output) for output in report.outputs),
            ("labels", report.labels or "none: give them with --labels"),
            *(calibrated if report.calibrated_on else ()),
            *unquantized_rows(report.unquantized),
            ("took", f"{report.seconds:.1f} s"),
        ]
    )
