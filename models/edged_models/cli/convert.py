"""``edged-models convert``: convert a trained model to a float32 .tflite."""

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

from edged.terminal.escape import one_line
from edged_models import console
from edged_models.conversion.arguments import (
    add_metadata_options,
    add_source_options,
    open_named_source,
    read_metadata_options,
    resolve_output_path,
)
from edged_models.conversion.conversion_report import (
    FLOAT32,
    build_report,
    custom_op_warnings,
)
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


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "convert",
        help="convert a checkpoint, a Keras network, a SavedModel or a function to a float32 .tflite",
        description="Converts a trained model to a .tflite of 32-bit floats. A checkpoint's labels and normalisation are written "
        "into the file; options set other metadata.",
    )
    add_source_options(parser)
    add_metadata_options(parser)
    add_verification_options(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Convert the source, and write the .tflite.

    Raises:
        SourceError: the source or the labels cannot be read, TensorFlow cannot convert the source, or the result is ruined.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    metadata = read_metadata_options(args)
    out = resolve_output_path(args, ".tflite")

    from edged_models.conversion.convert import convert

    source = open_named_source(args)
    filled = replace(source, metadata=metadata.fill_from(source.metadata))
    settled = settle_source(args, filled, metadata)
    model = convert(settled.source)
    verification = verify_conversion(args, settled, model, scheme=FLOAT32)
    write_bytes(out, model)
    built = build_report(
        model,
        source=args.source,
        out=out,
        scheme=FLOAT32,
        calibrated_on=0,
        seconds=time.perf_counter() - began_s,
    )
    report = add_verification(built, verification)
    for warning in [*custom_op_warnings(report), *list_warnings(verification)]:
        print(one_line(f"edged-models: {warning}"), file=sys.stderr)
    console.print_result(args, report, format_lines(report))
    return 0


def format_lines(report: VerifiedReport) -> list[str]:
    """Format the result as a table."""
    return console.format_table(
        [
            ("wrote", f"{report.out}, {report.bytes / 1024:.0f} KiB"),
            ("input", report.input),
            *(("output", output) for output in report.outputs),
            *(("signature", one) for one in report.signatures if len(report.signatures) > 1),
            ("labels", report.labels or "none: give them with --labels"),
            *verification_rows(report.verification),
            ("took", f"{report.seconds:.1f} s"),
        ]
    )
