"""What the verbs of a command share: how they are declared, and how they answer."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import msgspec


def add_verb(
    verbs: Any, name: str, func: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """Declare a verb; `func` carries it out."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=func)
    return parser


def print_result(args: argparse.Namespace, result: object, text: str) -> int:
    """Answer in JSON or in words; the exit code is that of a success."""
    if args.json:
        text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    sys.stdout.write(f"{text}\n")
    return 0
