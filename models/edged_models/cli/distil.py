"""``edged-models distil``: train a smaller network with the outputs of a larger one."""

import argparse
from typing import Any

from edged_models.cli.compression_command import (
    CompressionRecipe,
    add_output_options,
    run_compression,
)
from edged_models.cli.network_options import (
    add_network_argument,
)

_DEFAULT_WIDTH = 0.5


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "distil",
        help="train a smaller network to give the outputs of a larger one",
        description="Distillation: a student learns from the outputs of NETWORK, its teacher, beside the truth of the pictures.",
    )
    add_network_argument(parser)
    parser.add_argument(
        "--student",
        type=_parse_student,
        default=_DEFAULT_WIDTH,
        metavar="STUDENT",
        help="file.py:factory, a function that returns a Keras 2 model with the same input and outputs, or the share of the "
        "teacher's channels that the student keeps at the start (%(default)s)",
    )
    add_output_options(parser, run, can_skip=False)


def run(args: argparse.Namespace) -> int:
    """Distil, and write the student.

    Raises:
        ToolError: the network, the student or the pictures cannot be used.
    """
    from edged_models.compression.distillation import build_student, distil

    recipe = CompressionRecipe(
        command="distil",
        apply=lambda network, trainer, tuning, progress: distil(
            network,
            trainer,
            student=build_student(network, args.student),
            tuning=tuning,
            progress=progress,
        ),
        summarize=lambda student: f"a student with {student.count_parameters():,} parameters",
    )
    return run_compression(args, recipe, name_suffix="student")


def _parse_student(text: str) -> str | float:
    try:
        width = float(text)
    except ValueError:
        if ".py:" in text:
            return text
        raise argparse.ArgumentTypeError(
            f"expected file.py:factory or a share of the channels, got {text!r}"
        ) from None
    if not 0 < width < 1:
        raise argparse.ArgumentTypeError(
            f"a share of the channels lies between 0 and 1, got {text}"
        )
    return width
