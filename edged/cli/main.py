"""``edged COMMAND``: each command is a file here, with `add_parser` and `run`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import edged
from edged.errors import EdgedError

COMMANDS = ("run", "check", "inspect", "demo", "bench", "schema")
EXIT_REFUSED = 1
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if it did what it should, 1 if it could not and said why, 2 on a usage error, 130 on Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = _parser(arguments).parse_args(arguments)
    try:
        code: int = args.func(args)
        sys.stdout.flush()
    except EdgedError as error:
        print(f"edged: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_REFUSED
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edged", description=edged.__doc__)
    parser.add_argument("--version", action="version", version=f"edged {edged.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # Only the command that is run is imported: the daemon starts without what the others need.
    named = [a for a in arguments if a in COMMANDS][:1]
    for command in named or COMMANDS:
        import_module(f"edged.cli.{command}").add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
