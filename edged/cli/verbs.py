"""Declaration and output of a command's verbs."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edged.errors import BundleError


def add_verb(
    verbs: Any, name: str, func: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """Add a verb with a ``--json`` option.

    Args:
        verbs: the subparsers of the command.
        name: the verb.
        func: runs the verb and returns its exit code.
        summary: one clause in lower case for the help.

    Returns:
        The parser of the verb.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=func)
    return parser


@contextmanager
def naming_file(file: Path) -> Iterator[None]:
    """Put the file's name before an error within that does not name it.

    Raises:
        BundleError: the error, with the name.
    """
    try:
        yield
    except BundleError as error:
        if str(file) in str(error):
            raise
        raise type(error)(f"{file}: {error}") from error


def print_result(args: argparse.Namespace, result: object, text: str) -> int:
    """Print a result and return the exit code of a success.

    Args:
        args: the parsed arguments; with ``--json`` the result is printed as JSON.
        result: anything that msgspec encodes.
        text: the result for people.

    Returns:
        0.
    """
    if args.json:
        text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    sys.stdout.write(f"{text}\n")
    return 0
