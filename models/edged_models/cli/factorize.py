"""``edged-models factorize``: replace pointwise convolutions by two smaller ones."""

import argparse
from typing import Any

from edged.terminal.numbers import number_in_range
from edged_models.cli.compression_command import (
    CompressionRecipe,
    add_checkpoint_argument,
    add_output_options,
    run_compression,
)
from edged_models.detector.checkpoint import load_checkpoint


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "factorize",
        help="replace pointwise convolutions by two smaller ones where this reduces the size",
        description="Low-rank factorisation by singular value decomposition. Layers that would not become smaller are not changed.",
    )
    add_checkpoint_argument(parser)
    parser.add_argument(
        "--energy",
        type=number_in_range(min_value=0, max_value=1, exclude_min=True),
        default=0.9,
        metavar="E",
        help="share of each layer's squared singular values to keep (%(default)s)",
    )
    add_output_options(parser, run)


def run(args: argparse.Namespace) -> int:
    """Factorise, fine-tune, and write the new checkpoint.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or no layer becomes smaller.
    """
    start = load_checkpoint(args.checkpoint)

    from edged_models.compression.fine_tune import fine_tune_checkpoint
    from edged_models.compression.low_rank import factorize_checkpoint

    recipe = CompressionRecipe(
        command="factorize",
        apply=lambda checkpoint, sample, tuning, progress: fine_tune_checkpoint(
            factorize_checkpoint(checkpoint, args.energy), sample, tuning=tuning, progress=progress
        ),
        summarize=lambda factorized: ", ".join(
            f"{name} rank {rank}" for name, rank in factorized.architecture.ranks.items()
        ),
    )
    return run_compression(args, start, recipe, name_suffix=f"energy-{100 * args.energy:.0f}")
