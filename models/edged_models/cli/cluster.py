"""``edged-models cluster``: few different weights, so that the file compresses well."""

import argparse
from typing import Any

from edged.cli.numbers import count
from edged_models.cli.shrinking import Recipe, add_checkpoint, add_rest, shrink
from edged_models.detector.checkpoint import load_checkpoint

_MOST_CLUSTERS = 256


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "cluster",
        help="let each kernel get along with a few different weights",
        description="Weights are gathered around a few values a kernel. The .tflite compresses better; it is as large and as "
        "fast as before.",
    )
    add_checkpoint(parser)
    parser.add_argument(
        "--clusters",
        type=count(least=2, most=_MOST_CLUSTERS),
        default=16,
        metavar="N",
        help="different weights in a kernel (%(default)s)",
    )
    add_rest(parser, run)


def run(args: argparse.Namespace) -> int:
    """Cluster, fine-tune, and write the new checkpoint.

    Raises:
        ToolError: the checkpoint or the pictures cannot be used, or there is nothing to cluster.
    """
    start = load_checkpoint(args.checkpoint)

    from edged_models.compression.clustering import clustered, most_values

    recipe = Recipe(
        command="cluster",
        apply=lambda checkpoint, sample, tuning, progress: clustered(
            checkpoint, sample, clusters=args.clusters, tuning=tuning, progress=progress
        ),
        reached=lambda made: f"at most {most_values(made.weights)} different weights in a kernel",
    )
    return shrink(args, start, recipe, ending=f"clusters-{args.clusters}")
