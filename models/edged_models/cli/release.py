"""``edged-models release``: make the bundled models from one checkpoint."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edged_models import bundled
from edged_models.console import add_json_option, format_table, print_result, progress_bar

if TYPE_CHECKING:
    from edged_models.release.provenance import Provenance


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "release",
        help="make the bundled models from a checkpoint, with their provenance",
        description="Makes every variant of the bundled model (input sizes and heads) from one checkpoint, and writes their "
        "provenance, which `edged-models verify` checks.",
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help="a .npz file of `edged-models train`, with its journal beside it",
    )
    parser.add_argument(
        "--start",
        type=Path,
        required=True,
        metavar="FILE",
        help="the checkpoint that the training started from",
    )
    parser.add_argument(
        "--version",
        required=True,
        metavar="X.Y.Z",
        dest="release_version",
        help="version of the models",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=bundled.FOLDER,
        metavar="FOLDER",
        help="output folder (default: the bundled models of the checkout)",
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Make the models and write them.

    Raises:
        SourceError: checkpoint, journal and start do not belong together, or cannot be read.
        ToolError: a file cannot be written.
    """
    began_s = time.perf_counter()
    provenance = _release(args)
    rows = [
        (
            one.file,
            f"{one.bytes / 1024:.0f} KiB, {one.side_px} px, {one.head}, sha256 {one.sha256[:16]}…",
        )
        for one in provenance.models
    ]
    rows.append(("took", f"{time.perf_counter() - began_s:.1f} s"))
    print_result(args, provenance, format_table(rows))
    return 0


def _release(args: argparse.Namespace) -> "Provenance":
    from edged_models.release.release import release
    from edged_models.release.variants import VARIANTS

    with progress_bar() as progress:
        task = progress.add_task("release", total=len(VARIANTS) + 1)
        return release(
            args.checkpoint,
            args.start,
            args.out,
            version=args.release_version,
            on_step=lambda note: progress.update(task, advance=1, note=note),
        )
