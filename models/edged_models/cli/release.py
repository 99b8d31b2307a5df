"""``edged-models release``: the bundled folder, from one checkpoint."""

import argparse
import time
from pathlib import Path
from typing import Any

from edged_models import bundled
from edged_models.console import add_json_option, format_table, print_result, progress_bar


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "release",
        help="make the bundled models from a checkpoint, with their provenance",
        description="Makes every variant of the bundled model (input sizes, heads) from one checkpoint, and writes down where they come from, "
        "so that `edged-models verify` can check it.",
    )
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="its journal is beside it"
    )
    parser.add_argument(
        "--start", type=Path, required=True, metavar="FILE", help="what training began with"
    )
    parser.add_argument("--version", required=True, metavar="X.Y.Z", dest="release_version")
    parser.add_argument("--out", type=Path, default=bundled.FOLDER, metavar="FOLDER")
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Make and write.

    Raises:
        SourceError: checkpoint, journal and start do not belong together, or cannot be read.
        ToolError: something cannot be written.
    """
    from edged_models.release.release import release
    from edged_models.release.variants import VARIANTS

    began_s = time.perf_counter()
    with progress_bar() as progress:
        task = progress.add_task("release", total=len(VARIANTS) + 1)

        def tell(what: str) -> None:
            progress.update(task, advance=1, note=what)

        made = release(
            args.checkpoint, args.start, args.out, version=args.release_version, on_step=tell
        )
    rows = [
        (
            one.file,
            f"{one.bytes / 1024:.0f} KiB, {one.side_px} px, {one.head}, sha256 {one.sha256[:16]}…",
        )
        for one in made.models
    ]
    rows.append(("took", f"{time.perf_counter() - began_s:.1f} s"))
    print_result(args, made, format_table(rows))
    return 0
