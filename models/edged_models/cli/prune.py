"""``edged-models prune``: remove the least important weights or channels."""

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from edged.terminal.numbers import number_in_range
from edged_models.cli.compression_command import (
    CompressionRecipe,
    add_output_options,
    run_compression,
)
from edged_models.cli.network_options import (
    add_network_argument,
)

if TYPE_CHECKING:
    from edged_models.compression.network import Network

_MAX_SHARE = 0.99
_PATTERNS = ("1:2", "2:4", "1:4")


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "prune",
        help="remove the least important weights or channels of a network",
        description="By weight: the smallest weights become zero; the file compresses better, but size and speed do not change. "
        "By channel: whole channels are removed; the network is smaller and faster.",
    )
    add_network_argument(parser)
    parser.add_argument("--by", choices=["weight", "channel"], required=True, help="what to remove")
    parser.add_argument(
        "--share",
        type=number_in_range(min_value=0, max_value=_MAX_SHARE, exclude_min=True),
        metavar="S",
        help="share of the weights or channels to remove, as 0.5",
    )
    parser.add_argument(
        "--pattern",
        choices=_PATTERNS,
        help="by weight, instead of --share: so many zeros in each group of so many successive inputs",
    )
    parser.add_argument(
        "--even",
        action="store_true",
        help="by channel: remove the same share from every part of the network, not the least important channels of the whole",
    )
    add_output_options(parser, run, can_skip=True)


def run(args: argparse.Namespace) -> int:
    """Prune, fine-tune, and write the new network.

    Raises:
        ToolError: the network or the pictures cannot be used, or nothing can be pruned.
    """
    if args.even and args.by != "channel":
        args.usage("--even needs --by channel")
    if args.pattern and args.by != "weight":
        args.usage("--pattern needs --by weight")
    if (args.share is None) == (args.pattern is None):
        args.usage("give --share or --pattern")
    if args.by == "weight":
        amount = args.pattern.replace(":", "of") if args.pattern else f"{100 * args.share:.0f}"
        return run_compression(args, _weight_recipe(args), name_suffix=f"weights-{amount}")
    recipe = _channel_recipe(args)
    return run_compression(args, recipe, name_suffix=f"channels-{100 * args.share:.0f}")


def _weight_recipe(args: argparse.Namespace) -> CompressionRecipe:
    from edged_models.compression.kernels import measure_sparsity
    from edged_models.compression.weight_pruning import ZeroPattern, prune_weights

    pattern = ZeroPattern(*map(int, args.pattern.split(":"))) if args.pattern else None
    technique = partial(prune_weights, share=args.share or pattern.share, pattern=pattern)
    return CompressionRecipe(
        command="prune",
        apply=lambda network, trainer, tuning, progress: technique(
            network, trainer, tuning=tuning, progress=progress
        ),
        summarize=lambda pruned: f"{measure_sparsity(pruned.model):.1%} of the weights are zero",
    )


def _channel_recipe(args: argparse.Namespace) -> CompressionRecipe:
    from edged_models.compression.channel_pruning import prune_channels, scale_width

    technique: Any = (
        partial(scale_width, width=1 - args.share)
        if args.even
        else partial(prune_channels, share=args.share)
    )
    return CompressionRecipe(
        command="prune",
        apply=lambda network, trainer, tuning, progress: technique(
            network, trainer, tuning=tuning, progress=progress
        ),
        summarize=_summarize_channels,
    )


def _summarize_channels(network: "Network") -> str:
    from edged_models.compression.channel_groups import read_channel_graph

    graph = read_channel_graph(network.model, network.tied_layers)
    left = f"channels left: {', '.join(f'{group.name} {group.count}' for group in graph.groups)}"
    blocked = f"; not followed: {', '.join(graph.blockers)}" if graph.blockers else ""
    return left + blocked
