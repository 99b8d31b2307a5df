"""Options that the commands of conversion share."""

import argparse
import math
from pathlib import Path

from edged.model.file.labels import parse_labels
from edged.terminal.numbers import integer_in_range
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.errors import SourceError, ToolError

_HEADS = ("postprocess", "raw")
_MAX_SIDE_PX = 4096
_MIN_SIDE_PX = 32
_CHANNEL_COUNTS = (1, 3)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """What is converted, and how it is opened."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a checkpoint (.npz), a Keras file (.keras, .h5), a SavedModel's folder, a float32 .tflite, "
        "file.py:function or module:function",
    )
    parser.add_argument(
        "--head", choices=_HEADS, help="of a checkpoint: detections (postprocess) or every cell"
    )
    parser.add_argument(
        "--side",
        type=integer_in_range(min_value=_MIN_SIDE_PX, max_value=_MAX_SIDE_PX),
        metavar="PX",
        help="of the square input; the source's own if not given",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="beside the source if not given")


def add_metadata_options(parser: argparse.ArgumentParser) -> None:
    """What the file shall say of itself."""
    parser.add_argument("--labels", type=Path, metavar="FILE", help="one label a line")
    parser.add_argument(
        "--mean",
        type=_parse_values,
        metavar="M",
        help="of (pixel - M) / S, pixel 0..255; M or R,G,B",
    )
    parser.add_argument("--std", type=_parse_values, metavar="S", help="of the same")
    for option in ("name", "version", "description", "licence", "author"):
        parser.add_argument(f"--{option}", metavar="TEXT", default="")


def read_metadata_options(args: argparse.Namespace) -> ModelMetadata:
    """The card that the options ask for, empty where they do not.

    Raises:
        SourceError: the labels cannot be read.
    """
    if (args.mean is None) != (args.std is None):
        args.usage("--mean and --std go together")
    if args.std and 0.0 in args.std:
        args.usage("--std cannot be 0")
    if args.mean and len(args.mean) != len(args.std):
        args.usage("--mean and --std have different numbers of channels")
    return ModelMetadata(
        name=args.name,
        version=args.version,
        description=args.description,
        author=args.author,
        licence=args.licence,
        mean=args.mean or (),
        std=args.std or (),
        labels=read_labels(args.labels) if args.labels else (),
    )


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a text file, as the daemon reads it.

    Raises:
        SourceError: it cannot be read, or there are none in it.
    """
    try:
        labels = parse_labels(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"cannot read the labels {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(f"cannot read the labels {path}: {error}") from error
    if not any(labels):
        raise SourceError(f"there are no labels in {path}: write one a line")
    return labels


def resolve_output_path(args: argparse.Namespace, name_suffix: str) -> Path:
    """Where the result goes: ``--out``, or beside the source under its name and `name_suffix`.

    Raises:
        ToolError: that is the source itself.
    """
    path = Path(args.source)
    place, colon, function = args.source.rpartition(":")
    if colon and not path.exists():  # a function: beside its file, or here
        path = Path(place).parent / function if place.endswith(".py") else Path(function)
    out: Path = args.out or path.with_name(f"{path.stem}{name_suffix}")
    if out.exists() and Path(args.source).exists() and out.samefile(args.source):
        raise ToolError(f"{out} is what is converted: say another file with --out")
    if out.is_dir():
        raise ToolError(f"{out} is a folder: say a file with --out")
    return out


def _parse_values(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in _CHANNEL_COUNTS or not all(math.isfinite(value) for value in values):
        raise argparse.ArgumentTypeError(f"expected one number or three with commas, got {text!r}")
    return values
