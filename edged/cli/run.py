"""``edged run``: the daemon."""

import argparse
from typing import Any

from edged.cli.config_option import add_config_option
from edged.daemon import main as daemon


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="run the daemon until SIGTERM, or until every camera has ended",
        description="Runs the daemon. SIGTERM ends it, SIGHUP reloads the configuration.",
    )
    add_config_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run it."""
    return daemon.run(args.config)
