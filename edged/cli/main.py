"""The ``edged`` command."""

import sys
from collections.abc import Sequence

import edged
from edged.terminal.program import Program

PROGRAM = Program(
    name="edged",
    description=edged.__doc__ or "",
    version=edged.__version__,
    package="edged.cli",
    commands=(
        "run",
        "check",
        "inspect",
        "demo",
        "bench",
        "schema",
        "tail",
        "model",
        "bundle",
        "trust",
        "enroll",
        "doctor",
        "rescue",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, as `Program.run` does."""
    return PROGRAM.run(argv)


if __name__ == "__main__":
    sys.exit(main())
