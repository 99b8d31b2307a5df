"""``edged-models prune``: fewer weights, or fewer channels."""

import argparse
from typing import Any

from edged.cli.numbers import number
from edged_models.cli.shrinking import Recipe, add_checkpoint, add_rest, shrink
from edged_models.detector.checkpoint import load_checkpoint

_MOST_SHARE = 0.99


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "prune",
        help="take the least important weights or channels out of a net",
        description="By weight: the smallest weights become zero; the file compresses better, and is as large and the net as "
        "fast as before. By channel: whole channels go; the net is smaller and faster.",
    )
    add_checkpoint(parser)
    parser.add_argument("--by", choices=["weight", "channel"], required=True)
    parser.add_argument(
        "--share",
        type=number(least=0, most=_MOST_SHARE, above=True),
        required=True,
        metavar="S",
        help="of the weights or channels, as 0.5",
    )
    parser.add_argument(
        "--even",
        action="store_true",
        help="by channel: the same share from every part of the net, instead of the least important anywhere",
    )
    add_rest(parser, run)


def run(args: argparse.Namespace) -> int:
    """Prune, fine-tune, and write the new checkpoint.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or there is nothing to prune.
    """
    if args.even and args.by != "channel":
        args.usage("--even goes with --by channel")
    start = load_checkpoint(args.checkpoint)
    recipe = _by_weight(args) if args.by == "weight" else _by_channel(args)
    return shrink(args, start, recipe, ending=f"{args.by}s-{100 * args.share:.0f}")


def _by_weight(args: argparse.Namespace) -> Recipe:
    from edged_models.compression.zeroing import share_of_zeros, with_zeros

    return Recipe(
        command="prune",
        apply=lambda checkpoint, sample, tuning, progress: with_zeros(
            checkpoint, sample, share=args.share, tuning=tuning, progress=progress
        ),
        reached=lambda made: f"{share_of_zeros(made.weights):.1%} of the weights are zero",
    )


def _by_channel(args: argparse.Namespace) -> Recipe:
    from edged_models.compression.channels import groups_of
    from edged_models.compression.fine_tune import THOROUGH, fine_tuned
    from edged_models.compression.narrowing import of_width, without_channels

    return Recipe(
        command="prune",
        apply=lambda checkpoint, sample, tuning, progress: fine_tuned(
            of_width(checkpoint, 1 - args.share)
            if args.even
            else without_channels(checkpoint, args.share),
            sample,
            tuning=tuning,
            usual_rate=THOROUGH,
            progress=progress,
        ),
        reached=lambda made: (
            "channels left: "
            + ", ".join(f"{group.name} {group.count}" for group in groups_of(made.architecture))
        ),
    )
