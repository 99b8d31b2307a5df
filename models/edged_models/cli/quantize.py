"""``edged-models quantize``: convert a trained model to a quantised .tflite."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edged.terminal.escape import one_line
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
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.unquantized import POSTPROCESS
from edged_models.files import write_bytes
from edged_models.verification.options import (
    add_verification_options,
    settle_source,
    verify_conversion,
)
from edged_models.verification.report import (
    VerifiedReport,
    add_verification,
    list_warnings,
    verification_rows,
)

if TYPE_CHECKING:
    from edged_models.conversion.source import ModelSource
    from edged_models.pictures.labelled import LabelledPicture
    from edged_models.verification.normalisation import SettledSource

_SCHEMES = ("dynamic", "float16", "int8", "int16x8")
_IO_TYPES = ("uint8", "int8", "float")
_MAX_PICTURES = 100_000


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "quantize",
        help="convert a trained model to a quantised .tflite, and list its float parts",
        description="Converts a trained model to a .tflite with fewer bits. int8 and int16x8 need pictures for calibration: they "
        "should show what the camera will see, and are encoded as the daemon encodes its input.",
    )
    add_source_options(parser)
    parser.add_argument(
        "--scheme", choices=_SCHEMES, required=True, help="bits of weights and activations"
    )
    parser.add_argument(
        "--io",
        choices=_IO_TYPES,
        help="type of input and outputs for int8 (default: uint8, which takes pixels unchanged)",
    )
    _add_calibration_options(parser)
    parser.add_argument(
        "--per-tensor",
        action="store_true",
        help="use one scale for each weight tensor, not one for each channel",
    )
    add_metadata_options(parser)
    add_verification_options(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def _add_calibration_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calibrate",
        metavar="PICTURES",
        help="pictures for calibration: a folder, a COCO or YOLO set, a clip, or scenes:train",
    )
    parser.add_argument(
        "--calibration-count",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        default=300,
        metavar="N",
        help="use at most so many of them, evenly spread (%(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Quantise the source, and write the .tflite.

    Raises:
        SourceError: the source or the labels cannot be read, TensorFlow cannot quantise the source, or the result is ruined.
        PicturesError: the pictures cannot be read, or are too few.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    _check_options(args)
    metadata = read_metadata_options(args)
    out = resolve_output_path(args, f"-{args.scheme}.tflite")
    pictures = _open_calibration_pictures(args)
    settled = _open_source(args, metadata)
    model = _quantize(args, settled.source, pictures)
    verification = verify_conversion(args, settled, model, scheme=args.scheme, pictures=pictures)
    write_bytes(out, model)
    built = build_report(
        model,
        source=args.source,
        out=out,
        scheme=args.scheme,
        calibrated_on=len(pictures),
        seconds=time.perf_counter() - began_s,
    )
    report = add_verification(built, verification)
    for warning in [*quantization_warnings(report), *list_warnings(verification)]:
        print(one_line(f"edged-models: {warning}"), file=sys.stderr)
    console.print_result(args, report, format_lines(report))
    return 0


def _check_options(args: argparse.Namespace) -> None:
    needs_calibration = args.scheme in INTEGER_SCHEMES
    if needs_calibration and not args.calibrate:
        args.usage(
            f"{args.scheme} needs --calibrate with {RECOMMENDED_PICTURES} or more pictures that show what the camera will see"
        )
    if args.calibrate and not needs_calibration:
        args.usage(f"{args.scheme} needs no pictures: omit --calibrate")
    if args.io and args.scheme != "int8":
        args.usage(f"input and outputs of a {args.scheme} model are floats: --io needs int8")


def _open_calibration_pictures(args: argparse.Namespace) -> "Sequence[LabelledPicture]":
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    if not args.calibrate:
        return ()
    pictures = take_evenly(open_pictures(args.calibrate), args.calibration_count)
    check_picture_count(len(pictures))
    return pictures


def _open_source(args: argparse.Namespace, metadata: ModelMetadata) -> "SettledSource":
    from edged_models.conversion.open_source import open_source
    from edged_models.detector.graph import DetectorHead

    head = DetectorHead(args.head) if args.head else None
    source = open_source(args.source, head=head, side_px=args.side)
    return settle_source(
        args, replace(source, metadata=metadata.fill_from(source.metadata)), metadata
    )


def _quantize(
    args: argparse.Namespace, source: "ModelSource", pictures: "Sequence[LabelledPicture]"
) -> bytes:
    from edged_models.conversion.quantize import IoType, Scheme, quantize

    tracked = console.track_progress(pictures, "calibrating", len(pictures))
    return quantize(
        source,
        scheme=Scheme(args.scheme),
        io=IoType(args.io) if args.io else None,
        calibration=(picture.image for picture in tracked),
        per_channel=not args.per_tensor,
    )


def quantization_warnings(report: ConversionReport) -> list[str]:
    """Return warnings about the accuracy and speed of the model."""
    warnings = custom_op_warnings(report)
    if 0 < report.calibrated_on < RECOMMENDED_PICTURES:
        warnings.append(
            f"calibrated on only {report.calibrated_on} pictures: with {RECOMMENDED_PICTURES} or more the ranges are more reliable"
        )
    float_ops = report.unquantized.list_ops_except(POSTPROCESS)
    if float_ops:
        kinds = ", ".join(sorted({op.op for op in float_ops}))
        warnings.append(
            f"{len(float_ops)} ops could not be quantised and compute with floats: {kinds}"
        )
    return warnings


def format_lines(report: VerifiedReport) -> list[str]:
    """Format the result as a table."""
    calibration = [("calibrated", f"on {report.calibrated_on} pictures")]
    return console.format_table(
        [
            ("wrote", f"{report.out}, {report.bytes / 1024:.0f} KiB, {report.scheme}"),
            ("input", report.input),
            *(("output", output) for output in report.outputs),
            ("labels", report.labels or "none: give them with --labels"),
            *(calibration if report.calibrated_on else ()),
            *unquantized_rows(report.unquantized),
            *verification_rows(report.verification),
            ("took", f"{report.seconds:.1f} s"),
        ]
    )
