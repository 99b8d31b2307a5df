"""The option ``-c FILE`` of every command that reads the configuration."""

import argparse
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/edged/edged.toml")


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add the option; its value is in `args.config`."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="configuration file; default: %(default)s",
    )
