"""A command-line program: its commands are modules of one package, each with `add_parser` and `run`."""

import argparse
import errno
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from types import FrameType

from edged.errors import EdgedError, list_notes
from edged.redaction import redact_text
from edged.terminal.escape import one_line
from edged.terminal.safe_stream import open_missing_streams, safe_standard_streams

EXIT_ERROR = 1
_OUTPUT_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
EXIT_INTERRUPTED = 130
EXIT_SIGNALLED = 128


class TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP arrived: the command ends as on Ctrl-C, and removes what it made."""

    def __init__(self, number: int) -> None:
        """Keep the exit code that follows from the signal's number."""
        super().__init__(signal.Signals(number).name)
        self.exit_code = EXIT_SIGNALLED + number


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
            The exit code: 0 for success, 1 for an error that was printed, 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP; a command
            may have others. A usage error exits with 2 instead of returning.
        """
        open_missing_streams()
        with safe_standard_streams():
            arguments = list(sys.argv[1:] if argv is None else argv)
            args = self.build_parser(arguments).parse_args(arguments)
            return self._execute(args)

    def _execute(self, args: argparse.Namespace) -> int:
        try:
            with _signals_unwind():
                code: int = args.func(args)
                sys.stdout.flush()
        except EdgedError as error:
            notes = list_notes(error) if getattr(args, "verbose", False) else ()
            if getattr(args, "json", False):
                print(json.dumps({"error": format_error(error, ())}, indent=2))
            print(f"{self.name}: {format_error(error, notes)}", file=sys.stderr)
            return EXIT_ERROR
        except KeyboardInterrupt as error:
            return error.exit_code if isinstance(error, TerminatedError) else EXIT_INTERRUPTED
        except Exception as error:  # noqa: BLE001 (a fault of the program: its traceback must not show a secret either)
            with suppress(OSError):  # standard error may be as broken as standard output
                self._report_fault(error)
            return EXIT_ERROR
        return code

    def _report_fault(self, error: Exception) -> None:
        if not (isinstance(error, OSError) and error.errno in _OUTPUT_ERRORS) or error.filename:
            sys.stderr.write(redact_text(traceback.format_exc()))
            return
        # What is still buffered would fail again at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(
            error, BrokenPipeError
        ):  # that is a reader that closed its end, as `head` does
            sys.stderr.write(f"{self.name}: cannot write the output: {error.strerror}\n")

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


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """Raise `TerminatedError` on the first SIGTERM or SIGHUP; a SIGHUP that nohup ignores stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]

    def unwind(number: int, _frame: FrameType | None) -> None:
        restore()  # a second signal ends the process at once
        raise TerminatedError(number)

    def restore() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)

    for number in numbers:
        signal.signal(number, unwind)
    try:
        yield
    finally:
        restore()


def format_error(error: EdgedError, notes: Sequence[str] = ()) -> str:
    """Return an error, and notes below it, as lines, each of which is text of one line without a secret."""
    lines = [one_line(redact_text(line)) for line in error.lines]
    return "\n".join([*lines, *(f"    {one_line(redact_text(note))}" for note in notes)])
