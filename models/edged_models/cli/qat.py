"""``edged-models qat``: train a network with the rounding of eight bits, and convert it."""

import argparse
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models.cli.compression_command import (
    add_checkpoint_argument,
    add_fine_tuning_options,
    open_sample,
    read_fine_tuning_options,
    resolve_output_path,
)
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.console import add_json_option, format_table, print_result, progress_bar
from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.files import write_bytes
from edged_models.threads import limit_threads

_IO_TYPES = ("uint8", "int8", "float")


class QatResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        out: path of the .tflite.
        bytes: size of the .tflite.
        io: type of its input.
        steps: number of steps of fine-tuning.
        seconds: duration of the command.
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
        help="fine-tune a network for eight bits, and convert it without calibration",
        description="Quantisation-aware training: the network is trained with the rounding of eight bits in it. Use it if "
        "`quantize` loses too much accuracy.",
    )
    add_checkpoint_argument(parser)
    parser.add_argument(
        "--io", choices=_IO_TYPES, default="uint8", help="type of the input (%(default)s)"
    )
    parser.add_argument(
        "--head",
        choices=["postprocess", "raw"],
        default="postprocess",
        help="outputs: detections (postprocess), or boxes and scores of every cell (raw) (%(default)s)",
    )
    add_fine_tuning_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the .tflite (default: beside the checkpoint)"
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Fine-tune, convert, and write the .tflite.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or the file cannot be written.
    """
    began_s = time.perf_counter()
    checkpoint, tuning = load_checkpoint(args.checkpoint), read_fine_tuning_options(args)
    out = resolve_output_path(args, "qat", ".tflite")
    net = _train(checkpoint, tuning)
    model = _convert(args, net, name=out.stem, labels=checkpoint.architecture.labels)
    write_bytes(out, model)
    seconds = time.perf_counter() - began_s
    result = QatResult(out=out, bytes=len(model), io=args.io, steps=tuning.steps, seconds=seconds)
    print_result(args, result, _format_lines(result))
    return 0


def _train(checkpoint: Checkpoint, tuning: FineTuneSettings) -> Any:
    """Return the trained Keras network."""
    limit_threads(tuning.threads)
    from edged_models.compression.qat import train_quantization_aware

    sample = open_sample(checkpoint, tuning)
    with progress_bar() as progress:
        task = progress.add_task("fine-tuning", total=tuning.steps)
        return train_quantization_aware(
            checkpoint,
            sample,
            tuning=tuning,
            progress=lambda done: progress.update(task, completed=done),
        )


def _convert(args: argparse.Namespace, net: Any, *, name: str, labels: tuple[str, ...]) -> bytes:
    from edged_models.conversion.kinds.checkpoint import detector_source
    from edged_models.detector.graph import DetectorHead
    from edged_models.quantization.quantize import quantize
    from edged_models.quantization.scheme import IoType, Scheme

    source = detector_source(
        net, name=name, labels=labels, head=DetectorHead(args.head), has_learned_ranges=True
    )
    return quantize(source, scheme=Scheme.INT8, io=IoType(args.io))


def _format_lines(result: QatResult) -> list[str]:
    rows = [
        ("fine-tuned", f"{result.steps} steps"),
        ("input", result.io),
        ("size", f"{result.bytes / 1024:.0f} KiB"),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return format_table(rows)
