"""``edged run``: the daemon."""

import argparse
from pathlib import Path
from typing import Any

from edged.app import daemon

DEFAULT_CONFIG = Path("/etc/edged/edged.toml")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="run the daemon until SIGTERM, or until every camera has ended",
        description="Runs the daemon. SIGTERM ends it, SIGHUP reloads the configuration.",
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="default: %(default)s",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    return daemon.run(args.config)
