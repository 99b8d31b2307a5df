"""``edged run``: run the daemon."""

import argparse
import os
import sys
from typing import Any

from edged.cli.config_option import add_config_option
from edged.daemon.signals import SignalCatcher
from edged.host import systemd


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "run",
        help="run the daemon until SIGTERM, or until every camera has ended",
        description="Runs the daemon. SIGTERM stops it, SIGHUP reloads the configuration.",
    )
    add_config_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run the daemon and return its exit code.

    Raises:
        ConfigError: the configuration cannot be used, or the state directory cannot be written.
    """
    signals = SignalCatcher()
    signals.catch()
    from edged.daemon.start import run as run_daemon

    if run_daemon(args.config, signals):
        _start_again()
    return 0


def _start_again() -> None:
    """Run the same command in place of this one, unless systemd starts the service again."""
    if not systemd.is_service():
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (its own command line)
