"""``edged-models prune``: fewer weights, or fewer channels."""

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

_MAX_SHARE = 0.99


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "prune",
        help="take the least important weights or channels out of a net",
        description="By weight: the smallest weights become zero; the file compresses better, and is as large and the net as "
        "fast as before. By channel: whole channels go; the net is smaller and faster.",
    )
    add_checkpoint_argument(parser)
    parser.add_argument("--by", choices=["weight", "channel"], required=True)
    parser.add_argument(
        "--share",
        type=number_in_range(min_value=0, max_value=_MAX_SHARE, exclude_min=True),
        required=True,
        metavar="S",
        help="of the weights or channels, as 0.5",
    )
    parser.add_argument(
        "--even",
        action="store_true",
        help="by channel: the same share from every part of the net, instead of the least important anywhere",
    )
    add_output_options(parser, run)


def run(args: argparse.Namespace) -> int:
    """Prune, fine-tune, and write the new checkpoint.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or there is nothing to prune.
    """
    if args.even and args.by != "channel":
        args.usage("--even goes with --by channel")
    start = load_checkpoint(args.checkpoint)
    recipe = _weight_recipe(args) if args.by == "weight" else _channel_recipe(args)
    return run_compression(args, start, recipe, name_suffix=f"{args.by}s-{100 * args.share:.0f}")


def _weight_recipe(args: argparse.Namespace) -> CompressionRecipe:
    from edged_models.compression.weight_pruning import measure_sparsity, prune_weights

    return CompressionRecipe(
        command="prune",
        apply=lambda checkpoint, sample, tuning, progress: prune_weights(
            checkpoint, sample, share=args.share, tuning=tuning, progress=progress
        ),
        summarize=lambda made: f"{measure_sparsity(made.weights):.1%} of the weights are zero",
    )


def _channel_recipe(args: argparse.Namespace) -> CompressionRecipe:
    from edged_models.compression.channel_groups import list_channel_groups
    from edged_models.compression.channel_pruning import prune_channels, scale_width
    from edged_models.compression.fine_tune import THOROUGH_RATE, fine_tune_checkpoint

    return CompressionRecipe(
        command="prune",
        apply=lambda checkpoint, sample, tuning, progress: fine_tune_checkpoint(
            scale_width(checkpoint, 1 - args.share)
            if args.even
            else prune_channels(checkpoint, args.share),
            sample,
            tuning=tuning,
            default_rate=THOROUGH_RATE,
            progress=progress,
        ),
        summarize=lambda made: (
            "channels left: "
            + ", ".join(
                f"{group.name} {group.count}" for group in list_channel_groups(made.architecture)
            )
        ),
    )
