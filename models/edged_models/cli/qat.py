"""``edged-models qat``: train a network with the rounding of eight bits, and convert it."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged_models.cli.compression_command import (
    CompressionRecipe,
    apply_with_progress,
    format_accuracy,
)
from edged_models.cli.network_options import (
    OpenedNetwork,
    add_fine_tuning_options,
    add_network_argument,
    open_command_network,
    resolve_output_path,
)
from edged_models.console import add_json_option, format_table, print_result
from edged_models.errors import ToolError
from edged_models.files import write_bytes

if TYPE_CHECKING:
    from edged_models.compression.network import Network

_IO_TYPES = ("uint8", "int8", "float")


class QatResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        out: path of the .tflite.
        bytes: size of the .tflite.
        io: type of its input.
        steps: number of steps of fine-tuning.
        accuracy_before: accuracy of the network on the pictures kept for validation, 0..1; None if it was not measured.
        accuracy: accuracy of the network with the rounding.
        seconds: duration of the command.
    """

    out: Path
    bytes: int
    io: str
    steps: int
    accuracy_before: float | None
    accuracy: float | None
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "qat",
        help="fine-tune a network for eight bits, and convert it without calibration",
        description="Quantisation-aware training: the network is trained with the rounding of eight bits in it. Use it if "
        "`quantize` loses too much accuracy. Zeros of `prune` and shared values of `cluster` are kept.",
    )
    add_network_argument(parser)
    _add_model_options(parser)
    add_fine_tuning_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the .tflite (default: beside the network)"
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error, can_skip=False)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--io", choices=_IO_TYPES, default="uint8", help="type of the input (%(default)s)"
    )
    parser.add_argument(
        "--head",
        choices=["postprocess", "raw"],
        help="outputs of a checkpoint: detections (postprocess, the default), or boxes and scores of every cell (raw)",
    )


def run(args: argparse.Namespace) -> int:
    """Fine-tune, convert, and write the .tflite.

    Raises:
        ToolError: the network or the pictures cannot be used, or the file cannot be written.
    """
    began_s = time.perf_counter()
    opened = open_command_network(args)
    opened = replace(opened, network=_set_head(opened.network, args.head))
    out = resolve_output_path(args, "qat", ".tflite")
    before = opened.evaluate(opened.network)
    aware = _train(opened)
    model = _convert(args, aware, name=out.stem)
    write_bytes(out, model)
    result = QatResult(
        out=out,
        bytes=len(model),
        io=args.io,
        steps=opened.tuning.steps,
        accuracy_before=before,
        accuracy=opened.evaluate(aware),
        seconds=time.perf_counter() - began_s,
    )
    print_result(args, result, _format_lines(result))
    return 0


def _set_head(network: "Network", head: str | None) -> "Network":
    """Return a network whose converted model has these outputs.

    Raises:
        ToolError: the network is no checkpoint.
    """
    from edged_models.compression.checkpoint_network import CheckpointNetwork
    from edged_models.detector.graph import DetectorHead

    if head is None:
        return network
    if not isinstance(network, CheckpointNetwork):
        raise ToolError(f"{network.name} has fixed outputs: --head applies to checkpoints only")
    return replace(network, head=DetectorHead(head))


def _train(opened: OpenedNetwork) -> "Network":
    """Return the trained network."""
    from edged_models.compression.qat import train_quantization_aware

    recipe = CompressionRecipe(
        command="qat",
        apply=lambda network, trainer, tuning, progress: train_quantization_aware(
            network, trainer, tuning=tuning, progress=progress
        ),
        summarize=lambda _: "",
    )
    return apply_with_progress(recipe, opened)


def _convert(args: argparse.Namespace, network: "Network", *, name: str) -> bytes:
    from edged_models.quantization.quantize import quantize
    from edged_models.quantization.scheme import IoType, Scheme

    return quantize(network.to_source(name=name), scheme=Scheme.INT8, io=IoType(args.io))


def _format_lines(result: QatResult) -> list[str]:
    rows = [
        ("fine-tuned", f"{result.steps} steps"),
        *format_accuracy(result.accuracy_before, result.accuracy),
        ("input", result.io),
        ("size", f"{result.bytes / 1024:.0f} KiB"),
        ("took", f"{result.seconds:.0f} s"),
        ("written", result.out),
    ]
    return format_table(rows)
