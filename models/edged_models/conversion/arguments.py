"""Options of the commands that convert models or write metadata."""

import argparse
import math
from pathlib import Path

from edged.errors import ModelError
from edged.model.file.labels import read_label_file
from edged.terminal.numbers import integer_in_range
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.errors import SourceError, ToolError

_HEADS = ("postprocess", "raw")
_MAX_SIDE_PX = 4096
_MIN_SIDE_PX = 32
_CHANNEL_COUNTS = (1, 3)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the model to convert and the options that say how it is read."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a checkpoint (.npz), a Keras file (.keras, .h5), a SavedModel folder, a float32 .tflite, "
        "file.py:function or module:function",
    )
    parser.add_argument(
        "--head",
        choices=_HEADS,
        help="outputs of a checkpoint: detections (postprocess, the default), or boxes and scores of every cell (raw)",
    )
    parser.add_argument(
        "--side",
        type=integer_in_range(min_value=_MIN_SIDE_PX, max_value=_MAX_SIDE_PX),
        metavar="PX",
        help="side of the square input (default: the source's own)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="output file (default: beside the source)"
    )


def add_metadata_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that set the file's metadata."""
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="the model's labels, a text file with one a line",
    )
    parser.add_argument(
        "--mean",
        type=parse_values,
        metavar="M",
        help="mean of the normalisation (pixel - M) / S of pixels 0..255: one number, or R,G,B",
    )
    parser.add_argument(
        "--std",
        type=parse_values,
        metavar="S",
        help="standard deviation of the normalisation: one number, or R,G,B",
    )
    for field in ("name", "version", "description", "licence", "author"):
        parser.add_argument(f"--{field}", metavar="TEXT", help=f"the model's {field}")


def read_metadata_options(args: argparse.Namespace) -> ModelMetadata:
    """Return the metadata that the options give; fields without an option are empty.

    Raises:
        SourceError: the labels cannot be read.
    """
    _check_normalisation_options(args)
    return ModelMetadata(
        name=args.name or None,
        version=args.version or None,
        description=args.description or None,
        author=args.author or None,
        licence=args.licence or None,
        mean=args.mean or (),
        std=args.std or (),
        labels=read_labels(args.labels) if args.labels else (),
    )


def _check_normalisation_options(args: argparse.Namespace) -> None:
    if (args.mean is None) != (args.std is None):
        args.usage("--mean and --std must be given together")
    if args.std and 0.0 in args.std:
        args.usage("--std cannot be 0")
    if args.mean and len(args.mean) != len(args.std):
        args.usage("--mean and --std have different numbers of channels")


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the labels in a text file, as the daemon reads it.

    Raises:
        SourceError: the file cannot be read, or has no labels.
    """
    try:
        return read_label_file(path)
    except ModelError as error:
        raise SourceError(str(error)) from error


def resolve_output_path(args: argparse.Namespace, name_suffix: str) -> Path:
    """Return the path of the result: ``--out``, or beside the source, with the source's name and `name_suffix`.

    Raises:
        ToolError: the path is that of the source, or a folder.
    """
    path = Path(args.source)
    module, colon, function = args.source.rpartition(":")
    if colon and not path.exists():  # a function: beside its file, or in the working directory
        path = Path(module).parent / function if module.endswith(".py") else Path(function)
    out: Path = args.out or path.with_name(f"{path.stem}{name_suffix}")
    if out.exists() and Path(args.source).exists() and out.samefile(args.source):
        raise ToolError(f"{out} is the source itself: name another file with --out")
    if out.is_dir():
        raise ToolError(f"{out} is a folder: name a file with --out")
    return out


def parse_values(text: str) -> tuple[float, ...]:
    """Parse one number, or three separated by commas, for ``--mean`` and ``--std``.

    Raises:
        argparse.ArgumentTypeError: the text is something else.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in _CHANNEL_COUNTS or not all(math.isfinite(value) for value in values):
        raise argparse.ArgumentTypeError(
            f"expected one number, or three separated by commas, got {text!r}"
        )
    return values
