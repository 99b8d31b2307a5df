"""``edged-models personalise``: give a classifier a last layer that a device can train."""

import argparse
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.model.file.metadata import read_metadata
from edged.terminal.numbers import integer_in_range
from edged_models import console
from edged_models.cli.options import add_model_argument
from edged_models.conversion.tflite_model import read_model_bytes
from edged_models.files import write_bytes

_CLASSES = 8


class PersonaliseModelResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        model: path of the model that was written.
        bytes: its size.
        features: number of features of a picture.
        classes: largest number of classes that a device can teach it.
        runtimes: the runtimes on which it has learnt and answered.
    """

    model: Path
    bytes: int
    features: int
    classes: int
    runtimes: tuple[str, ...]


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "personalise",
        help="give a classifier a last layer that a device can train",
        description="Replaces the last layer of a classifier, float or quantised, by one that a device trains with"
        " `edged model personalise`. Another model serves as well, if the tensor with the features is named.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--classes",
        type=integer_in_range(min_value=2, max_value=1000),
        default=_CLASSES,
        metavar="N",
        help="largest number of classes that a device can teach it (%(default)s)",
    )
    parser.add_argument(
        "--tensor",
        metavar="NAME",
        help="part of the name of the tensor with the features (the input of the last layer)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new .tflite")
    console.add_json_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Make the model, let it learn on each runtime, and write it.

    Raises:
        SourceError: the model cannot be read, or has no such tensor.
        ToolError: the new model does not learn on a runtime, or cannot be written.
    """
    content = read_model_bytes(args.model)

    from edged_models.personalise.personalisable import make_personalisable
    from edged_models.personalise.trial_run import try_learning

    new = make_personalisable(
        content, classes=args.classes, tensor=args.tensor, name=str(args.model)
    )
    tried = try_learning(new)
    write_bytes(args.out, new)
    result = PersonaliseModelResult(
        model=args.out,
        bytes=len(new),
        features=tried.features,
        classes=len(read_metadata(args.out).labels),
        runtimes=tried.runtimes,
    )
    console.print_result(args, result, format_lines(result))
    return 0


def format_lines(result: PersonaliseModelResult) -> list[str]:
    """Format the result as a table."""
    return console.format_table(
        [
            ("wrote", f"{result.model}, {result.bytes} B"),
            ("features", str(result.features)),
            ("classes", f"at most {result.classes}"),
            ("learns on", ", ".join(result.runtimes)),
        ]
    )
