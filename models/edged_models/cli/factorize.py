"""``edged-models factorize``: replace dense layers and pointwise convolutions by two smaller ones."""

import argparse
from typing import Any

from edged.terminal.numbers import number_in_range
from edged_models.cli.compression_command import (
    CompressionRecipe,
    add_output_options,
    run_compression,
)
from edged_models.cli.network_options import (
    add_network_argument,
)


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "factorize",
        help="replace dense layers and pointwise convolutions by two smaller ones where this reduces the size",
        description="Low-rank factorisation by singular value decomposition. Layers that would not become smaller are not changed.",
    )
    add_network_argument(parser)
    parser.add_argument(
        "--energy",
        type=number_in_range(min_value=0, max_value=1, exclude_min=True),
        default=0.9,
        metavar="E",
        help="share of each layer's squared singular values to keep (%(default)s)",
    )
    add_output_options(parser, run, can_skip=True)


def run(args: argparse.Namespace) -> int:
    """Factorise, fine-tune, and write the new network.

    Raises:
        ToolError: the network or the pictures cannot be used, or no layer becomes smaller.
    """
    from edged_models.compression.low_rank import factorize_network, list_ranks

    recipe = CompressionRecipe(
        command="factorize",
        apply=lambda network, trainer, tuning, progress: factorize_network(
            network, trainer, energy=args.energy, tuning=tuning, progress=progress
        ),
        summarize=lambda factorized: ", ".join(
            f"{name} rank {rank}" for name, rank in list_ranks(factorized.model).items()
        ),
    )
    return run_compression(args, recipe, name_suffix=f"energy-{100 * args.energy:.0f}")
