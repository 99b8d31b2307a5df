"""``edged-models prune``: remove the least important weights or channels."""

import argparse
from typing import Any

from edged.terminal.numbers import number_in_range
from edged_models.cli.compression_command import (
    CompressionRecipe,
    add_checkpoint_argument,
    add_output_options,
    run_compression,
)
from edged_models.detector.checkpoint import Checkpoint, load_checkpoint

_MAX_SHARE = 0.99


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "prune",
        help="remove the least important weights or channels of a network",
        description="By weight: the smallest weights become zero; the file compresses better, but size and speed do not change. "
        "By channel: whole channels are removed; the network is smaller and faster.",
    )
    add_checkpoint_argument(parser)
    parser.add_argument("--by", choices=["weight", "channel"], required=True, help="what to remove")
    parser.add_argument(
        "--share",
        type=number_in_range(min_value=0, max_value=_MAX_SHARE, exclude_min=True),
        required=True,
        metavar="S",
        help="share of the weights or channels to remove, as 0.5",
    )
    parser.add_argument(
        "--even",
        action="store_true",
        help="by channel: remove the same share from every part of the network, not the least important channels of the whole",
    )
    add_output_options(parser, run)


def run(args: argparse.Namespace) -> int:
    """Prune, fine-tune, and write the new checkpoint.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or nothing can be pruned.
    """
    if args.even and args.by != "channel":
        args.usage("--even needs --by channel")
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
        summarize=lambda pruned: f"{measure_sparsity(pruned.weights):.1%} of the weights are zero",
    )


def _channel_recipe(args: argparse.Namespace) -> CompressionRecipe:
    from edged_models.compression.fine_tune import THOROUGH_RATE, fine_tune_checkpoint

    return CompressionRecipe(
        command="prune",
        apply=lambda checkpoint, sample, tuning, progress: fine_tune_checkpoint(
            _remove_channels(args, checkpoint),
            sample,
            tuning=tuning,
            default_rate=THOROUGH_RATE,
            progress=progress,
        ),
        summarize=_summarize_channels,
    )


def _remove_channels(args: argparse.Namespace, checkpoint: Checkpoint) -> Checkpoint:
    from edged_models.compression.channel_pruning import prune_channels, scale_width

    if args.even:
        return scale_width(checkpoint, 1 - args.share)
    return prune_channels(checkpoint, args.share)


def _summarize_channels(checkpoint: Checkpoint) -> str:
    from edged_models.compression.channel_groups import list_channel_groups

    groups = list_channel_groups(checkpoint.architecture)
    return f"channels left: {', '.join(f'{group.name} {group.count}' for group in groups)}"
