"""``edged-models qat``: a net that learns with the rounding of eight bits in it."""

import argparse
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models.cli.shrinking import (
    add_checkpoint,
    add_tuning,
    out_beside,
    sample_for,
    tuning_of,
)
from edged_models.console import add_json, answer, bar, table
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.files import write_bytes
from edged_models.threads import limit_threads

_IOS = ("uint8", "int8", "float")


class Quantised(Struct, frozen=True, kw_only=True):
    """What came out.

    Attributes:
        out: the .tflite.
        bytes: its size.
        io: type of its input.
        steps: of fine-tuning.
        seconds: how long it took.
    """

    out: Path
    bytes: int
    io: str
    steps: int
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "qat",
        help="fine-tune a net for eight bits and convert it without calibration",
        description="Quantisation-aware training: the net feels the rounding while it learns. Worth it where `quantize` loses too "
        "much.",
    )
    add_checkpoint(parser)
    parser.add_argument("--io", choices=_IOS, default="uint8", help="type of the input")
    parser.add_argument("--head", choices=["postprocess", "raw"], default="postprocess")
    add_tuning(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the .tflite")
    add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Fine-tune, convert, and write the .tflite.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used.
    """
    began_s = time.perf_counter()
    checkpoint, tuning = load_checkpoint(args.checkpoint), tuning_of(args)
    out = out_beside(args, "qat", ".tflite")

    from edged_models.compression.qat import quantization_aware
    from edged_models.conversion.kinds.checkpoint import detector_source
    from edged_models.conversion.quantize import Io, Scheme, quantize
    from edged_models.detector.graph import Head

    limit_threads(tuning.threads)
    sample = sample_for(checkpoint, tuning)
    with bar() as progress:
        task = progress.add_task("fine-tuning", total=tuning.steps)
        net = quantization_aware(
            checkpoint,
            sample,
            tuning=tuning,
            progress=lambda done: progress.update(task, completed=done),
        )
    source = detector_source(
        net,
        name=out.stem,
        labels=checkpoint.architecture.labels,
        head=Head(args.head),
        learnt_ranges=True,
    )
    model = quantize(source, scheme=Scheme.INT8, io=Io(args.io))
    write_bytes(out, model)
    result = Quantised(
        out=out,
        bytes=len(model),
        io=args.io,
        steps=tuning.steps,
        seconds=time.perf_counter() - began_s,
    )
    answer(args, result, _lines(result))
    return 0


def _lines(result: Quantised) -> list[str]:
    rows = [
        ("fine-tuned", f"{result.steps} steps"),
        ("input", result.io),
        ("size", f"{result.bytes / 1024:.0f} KiB"),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return table(rows)
