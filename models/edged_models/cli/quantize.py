"""``edged-models quantize``: convert a trained model to a quantised .tflite."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edged.terminal.escape import one_line
from edged_models import console
from edged_models.cli import quantize_options, quantize_search
from edged_models.cli.options import add_skip_bad_option
from edged_models.conversion.arguments import (
    add_metadata_options,
    add_source_options,
    open_named_source,
    read_metadata_options,
    resolve_output_path,
)
from edged_models.conversion.calibration import RECOMMENDED_PICTURES, check_picture_count
from edged_models.conversion.conversion_report import (
    ConversionReport,
    build_report,
    custom_op_warnings,
    unquantized_rows,
)
from edged_models.conversion.unquantized import POSTPROCESS
from edged_models.errors import SourceError
from edged_models.files import write_bytes
from edged_models.quantization.runtime_trial import RUNTIME_PACKAGES, try_models
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
    from edged_models.pictures.labelled import LabelledPicture
    from edged_models.verification.normalisation import SettledSource


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "quantize",
        help="convert a trained model to a quantised .tflite, and list its float parts",
        description="Converts a trained model to a .tflite with fewer bits. int8 and int16x8 need pictures for calibration: they "
        "should show what the camera will see, and are encoded as the daemon encodes its input.",
    )
    add_source_options(parser)
    quantize_options.add_scheme_options(parser)
    quantize_options.add_calibration_options(parser)
    quantize_options.add_layer_options(parser)
    quantize_options.add_search_options(parser)
    add_metadata_options(parser)
    add_verification_options(parser)
    add_skip_bad_option(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Quantise the source, and write the .tflite.

    Raises:
        SourceError: the source or the labels cannot be read, the source cannot be quantised, or the result is ruined.
        PicturesError: the pictures cannot be read, or are too few.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    quantize_options.check_options(args)
    out = resolve_output_path(args, f"-{args.scheme}.tflite")
    pictures = _open_pictures(args)
    settled = _open_source(args)
    recipe = quantize_options.read_recipe(args, settled.source)
    job = quantize_search.Job(source=settled.source, recipe=recipe, pictures=pictures)
    if args.sensitivity:
        quantize_search.print_sensitivity(args, job)
        return 0
    found = _find(args, job)
    if args.older_runtime:
        _check_older_runtime(found.model, args.source)
    verification = verify_conversion(
        args, settled, found.model, scheme=args.scheme, pictures=pictures
    )
    write_bytes(out, found.model)
    built = build_report(
        found.model,
        source=args.source,
        out=out,
        scheme=args.scheme,
        calibrated_on=len(pictures) if args.calibrate else 0,
        seconds=time.perf_counter() - began_s,
    )
    _print_result(args, found, add_verification(built, verification))
    return 0


def _print_result(
    args: argparse.Namespace, found: quantize_search.Found, report: VerifiedReport
) -> None:
    for warning in [*quantization_warnings(report), *list_warnings(report.verification)]:
        print(one_line(f"edged-models: {warning}"), file=sys.stderr)
    if quantize_options.compares(args):
        quantize_search.print_found(args, found, report, format_lines(report))
    else:
        console.print_result(args, report, format_lines(report))


def _find(args: argparse.Namespace, job: quantize_search.Job) -> quantize_search.Found:
    if args.auto:
        return quantize_search.find_by_auto(args, job)
    if quantize_options.compares(args):
        return quantize_search.find_best_engine(args, job)
    return quantize_search.Found(model=_quantize(args, job))


def _open_pictures(args: argparse.Namespace) -> "Sequence[LabelledPicture]":
    """Return the pictures for calibration, or for a comparison that needs no calibration."""
    from edged_models.cli.opened_pictures import open_for_command
    from edged_models.pictures.subset import take_evenly

    if not args.calibrate:
        return quantize_search.open_drawn_pictures() if quantize_options.compares(args) else ()
    pictures = take_evenly(
        open_for_command(args.calibrate, skip_bad=args.skip_bad), args.calibration_count
    )
    check_picture_count(len(pictures))
    return pictures


def _open_source(args: argparse.Namespace) -> "SettledSource":
    metadata = read_metadata_options(args)
    source = open_named_source(args)
    filled = replace(source, metadata=metadata.fill_from(source.metadata))
    return settle_source(args, filled, metadata)


def _quantize(args: argparse.Namespace, job: quantize_search.Job) -> bytes:
    from edged_models.quantization.quantize import quantize_by_recipe
    from edged_models.quantization.scheme import EngineName

    tracked = console.track_progress(job.pictures, "calibrating", len(job.pictures))
    return quantize_by_recipe(
        job.source,
        job.recipe,
        calibration=(picture.image for picture in tracked),
        engine=EngineName(args.engine) if args.engine else None,
    )


def _check_older_runtime(model: bytes, name: str) -> None:
    (trial,) = try_models([model], "tflite")
    if trial.problem:
        raise SourceError(
            f"{RUNTIME_PACKAGES['tflite']} cannot run {name} as quantised: {trial.problem}"
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
        warnings.append(f"{len(float_ops)} ops are not quantised and compute with floats: {kinds}")
    if report.scheme == "int4":
        warnings.append(
            "weights of 4 bits run on ai-edge-litert only: tflite-runtime refuses them, or computes nonsense"
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
