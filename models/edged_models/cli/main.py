"""The entry point: ``edged-models COMMAND``."""

import sys
from collections.abc import Sequence

import edged_models
from edged.terminal.program import Program

PROGRAM = Program(
    name="edged-models",
    description=edged_models.__doc__ or "",
    version=edged_models.__version__,
    package="edged_models.cli",
    commands=(
        "pictures",
        "collect",
        "train",
        "convert",
        "quantize",
        "prune",
        "cluster",
        "factorize",
        "distil",
        "qat",
        "compress",
        "evaluate",
        "inspect",
        "metadata",
        "check-edgetpu",
        "personalise",
        "goldens",
        "card",
        "testcard",
        "fetch",
        "release",
        "verify",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of `Program.run`."""
    return PROGRAM.run(argv)


if __name__ == "__main__":
    sys.exit(main())
