"""``edged-models cluster``: leave few different weights in each kernel, so that the file compresses well."""

import argparse
from typing import Any

from edged.terminal.numbers import integer_in_range
from edged_models.cli.compression_command import (
    CompressionRecipe,
    add_output_options,
    run_compression,
)
from edged_models.cli.network_options import (
    add_network_argument,
)

_MAX_CLUSTERS = 256


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "cluster",
        help="leave only a few different weights in each kernel",
        description="Clusters the weights of each kernel around a few values. The .tflite compresses better; its size and speed "
        "do not change.",
    )
    add_network_argument(parser)
    parser.add_argument(
        "--clusters",
        type=integer_in_range(min_value=2, max_value=_MAX_CLUSTERS),
        default=16,
        metavar="N",
        help="number of different weights in a kernel (%(default)s)",
    )
    add_output_options(parser, run, can_skip=True)


def run(args: argparse.Namespace) -> int:
    """Cluster, fine-tune, and write the new network.

    Raises:
        ToolError: the network or the pictures cannot be used, or no weights can be clustered.
    """
    from edged_models.compression.clustering import cluster_weights
    from edged_models.compression.kernels import count_max_distinct_values

    recipe = CompressionRecipe(
        command="cluster",
        apply=lambda network, trainer, tuning, progress: cluster_weights(
            network, trainer, clusters=args.clusters, tuning=tuning, progress=progress
        ),
        summarize=lambda clustered: (
            f"at most {count_max_distinct_values(clustered.model)} different weights in a kernel"
        ),
    )
    return run_compression(args, recipe, name_suffix=f"clusters-{args.clusters}")
