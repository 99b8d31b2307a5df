"""``edged-models factorize``: pointwise convolutions as two thin ones."""

import argparse
from typing import Any

from edged.cli.numbers import number
from edged_models.cli.shrinking import Recipe, add_checkpoint, add_rest, shrink
from edged_models.detector.checkpoint import load_checkpoint


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "factorize",
        help="replace pointwise convolutions by two thin ones where that is smaller",
        description="Low-rank factorisation by singular value decomposition; layers that would not be smaller stay whole.",
    )
    add_checkpoint(parser)
    parser.add_argument(
        "--energy",
        type=number(least=0, most=1, above=True),
        default=0.9,
        metavar="E",
        help="share of each layer's squared singular values to keep (%(default)s)",
    )
    add_rest(parser, run)


def run(args: argparse.Namespace) -> int:
    """Factorise, fine-tune, and write the new checkpoint.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or no layer becomes smaller.
    """
    start = load_checkpoint(args.checkpoint)

    from edged_models.compression.factorizing import with_thin_layers
    from edged_models.compression.fine_tune import fine_tuned

    recipe = Recipe(
        command="factorize",
        apply=lambda checkpoint, sample, tuning, progress: fine_tuned(
            with_thin_layers(checkpoint, args.energy), sample, tuning=tuning, progress=progress
        ),
        reached=lambda made: ", ".join(
            f"{name} rank {rank}" for name, rank in made.architecture.ranks.items()
        ),
    )
    return shrink(args, start, recipe, ending=f"energy-{100 * args.energy:.0f}")
