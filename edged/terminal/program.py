"""A command-line program: its commands are modules of one package, each with `add_parser` and `run`."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from edged.errors import EdgedError, list_notes

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its commands.

    Attributes:
        name: the executable's name.
        description: one sentence for the help.
        version: the version that --version prints.
        package: the package of the command modules; a dash in a command is an underscore in its module.
        commands: names, in the order of the help.
    """

    name: str
    description: str
    version: str
    package: str
    commands: tuple[str, ...]

    def run(self, argv: Sequence[str] | None = None) -> int:
        """Run one command.

        Returns:
            The exit code: 0 for success, 1 for an error that was printed, 130 for Ctrl-C; a command may have others. A usage error
            exits with 2 instead of returning.
        """
        arguments = list(sys.argv[1:] if argv is None else argv)
        args = self.build_parser(arguments).parse_args(arguments)
        try:
            code: int = args.func(args)
            sys.stdout.flush()
        except EdgedError as error:
            notes = list_notes(error) if getattr(args, "verbose", False) else ()
            print("\n    ".join((f"{self.name}: {error}", *notes)), file=sys.stderr)
            return EXIT_ERROR
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # the reader closed its end, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_ERROR
        return code

    def build_parser(self, arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
        """Build the parser of the command that `arguments` name, or of all commands if they name none."""
        parser = argparse.ArgumentParser(prog=self.name, description=self.description)
        parser.add_argument("--version", action="version", version=f"{self.name} {self.version}")
        subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
        # Import only the command that runs: the daemon does not load the modules of the others.
        selected = [argument for argument in arguments if argument in self.commands][:1]
        for command in selected or self.commands:
            module = import_module(f"{self.package}.{command.replace('-', '_')}")
            module.add_parser(subparsers)
        return parser
