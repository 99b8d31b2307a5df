"""``edged-models convert``: from something trained to a .tflite of 32-bit floats."""

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

from edged_models import console
from edged_models.conversion.arguments import (
    add_metadata_options,
    add_source_options,
    read_metadata_options,
    resolve_output_path,
)
from edged_models.conversion.conversion_report import (
    FLOAT32,
    ConversionReport,
    build_report,
    custom_op_warnings,
)
from edged_models.files import write_bytes


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "convert",
        help="make a float32 .tflite of a checkpoint, a Keras net, a SavedModel or a function",
        description="Converts something trained to a .tflite of 32-bit floats. A checkpoint's labels and normalisation go into the "
        "file by themselves; what else it shall say of itself is said with the options.",
    )
    add_source_options(parser)
    add_metadata_options(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Convert and write.

    Raises:
        SourceError: the source or the labels cannot be read, or TensorFlow cannot convert it.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    card = read_metadata_options(args)
    out = resolve_output_path(args, ".tflite")

    from edged_models.conversion.convert import convert
    from edged_models.conversion.open_source import open_source
    from edged_models.detector.graph import DetectorHead

    source = open_source(
        args.source, head=DetectorHead(args.head) if args.head else None, side_px=args.side
    )
    source = replace(source, metadata=card.fill_from(source.metadata))
    model = convert(source)
    write_bytes(out, model)
    written = build_report(
        model,
        source=args.source,
        out=out,
        scheme=FLOAT32,
        calibrated_on=0,
        seconds=time.perf_counter() - began_s,
    )
    for doubt in custom_op_warnings(written):
        print(f"edged-models: {doubt}", file=sys.stderr)
    console.print_result(args, written, format_lines(written))
    return 0


def format_lines(report: ConversionReport) -> list[str]:
    """The answer as a table."""
    return console.format_table(
        [
            ("wrote", f"{report.out}, {report.bytes / 1024:.0f} KiB"),
            ("input", report.input),
            *(("output", output) for output in report.outputs),
            ("labels", report.labels or "none: give them with --labels"),
            ("took", f"{report.seconds:.1f} s"),
        ]
    )
