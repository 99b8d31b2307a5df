"""``edged-models convert``: from something trained to a .tflite of 32-bit floats."""

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

from edged_models import console
from edged_models.conversion.arguments import add_card, add_source, card_of_options, target
from edged_models.conversion.written import FLOAT32, Written, account, custom_doubts
from edged_models.files import write_bytes


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "convert",
        help="make a float32 .tflite of a checkpoint, a Keras net, a SavedModel or a function",
        description="Converts something trained to a .tflite of 32-bit floats. A checkpoint's labels and normalisation go into the "
        "file by themselves; what else it shall say of itself is said with the options.",
    )
    add_source(parser)
    add_card(parser)
    console.add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Convert and write.

    Raises:
        SourceError: the source or the labels cannot be read, or TensorFlow cannot convert it.
        ToolError: the file cannot be written.
    """
    began_s = time.perf_counter()
    card = card_of_options(args)
    out = target(args, ".tflite")

    from edged_models.conversion.convert import convert
    from edged_models.conversion.sources import open_source
    from edged_models.detector.graph import Head

    source = open_source(
        args.source, head=Head(args.head) if args.head else None, side_px=args.side
    )
    source = replace(source, card=card.over(source.card))
    model = convert(source)
    write_bytes(out, model)
    written = account(
        model,
        source=args.source,
        out=out,
        scheme=FLOAT32,
        calibrated_on=0,
        seconds=time.perf_counter() - began_s,
    )
    for doubt in custom_doubts(written):
        print(f"edged-models: {doubt}", file=sys.stderr)
    console.answer(args, written, lines(written))
    return 0


def lines(written: Written) -> list[str]:
    """The answer as a table."""
    return console.table(
        [
            ("wrote", f"{written.out}, {written.bytes / 1024:.0f} KiB"),
            ("input", written.input),
            *(("output", output) for output in written.outputs),
            ("labels", written.labels or "none: give them with --labels"),
            ("took", f"{written.seconds:.1f} s"),
        ]
    )
