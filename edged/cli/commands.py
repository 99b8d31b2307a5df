"""A program of commands: each is a module of one package, with `add_parser` and `run`."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from edged.errors import EdgedError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its commands.

    Attributes:
        name: as it is called.
        description: a sentence for its help.
        version: its own.
        package: where the commands' modules are; a dash in a command is an underscore in its module.
        commands: in the order in which the help lists them.
    """

    name: str
    description: str
    version: str
    package: str
    commands: tuple[str, ...]

    def run(self, argv: Sequence[str] | None = None) -> int:
        """Run one command.

        Returns:
            0 if it did what it should, 1 if it could not and said why, 2 on a usage error, 130 on Ctrl-C.
        """
        arguments = list(sys.argv[1:] if argv is None else argv)
        args = self._make_parser(arguments).parse_args(arguments)
        try:
            code: int = args.func(args)
            sys.stdout.flush()
        except EdgedError as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return EXIT_ERROR
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # the reader of our output has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_ERROR
        return code

    def _make_parser(self, arguments: Sequence[str]) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(prog=self.name, description=self.description)
        parser.add_argument("--version", action="version", version=f"{self.name} {self.version}")
        subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
        # Only the command that is run is imported: the daemon starts without what the others need.
        named = [a for a in arguments if a in self.commands][:1]
        for command in named or self.commands:
            module = import_module(f"{self.package}.{command.replace('-', '_')}")
            module.add_parser(subparsers)
        return parser
