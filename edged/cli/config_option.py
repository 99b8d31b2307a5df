"""The option ``-c FILE`` of every command that reads the configuration."""

import argparse
from pathlib import Path

_DEFAULT = Path("/etc/edged/edged.toml")


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add the option; its value is in `args.config`."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=_DEFAULT,
        metavar="FILE",
        help="configuration file; default: %(default)s",
    )
