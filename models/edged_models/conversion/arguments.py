"""Options of the commands that convert models or write metadata."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from edged.errors import ModelError
from edged.model.file.labels import read_label_file
from edged.terminal.numbers import integer_in_range
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.errors import SourceError, ToolError

if TYPE_CHECKING:
    from edged_models.conversion.source import ModelSource

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
        "file.py:name or module:name (a function, tf.Module or Keras network; the code is executed)",
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
    _add_signature_options(parser)
    _add_code_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="output file (default: beside the source)"
    )


def _add_signature_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--signature",
        dest="signatures",
        type=lambda name: (name,),
        metavar="NAME",
        help="signature of a SavedModel, or function of a tf.Module, to convert (default: serving_default or __call__, else the only one)",
    )
    group.add_argument(
        "--signatures",
        type=_parse_names,
        default=(),
        metavar="A,B",
        help="several signatures to convert into one file",
    )
    group.add_argument(
        "--all-signatures", action="store_true", help="convert all signatures into one file"
    )


def _add_code_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--custom",
        type=Path,
        metavar="FILE.py",
        help="Python file that defines the classes and functions that a Keras file uses (default: none); it is executed",
    )
    parser.add_argument(
        "--trust-code",
        action="store_true",
        help="execute Python code in a Keras file, as of a Lambda layer (default: such a file is refused)",
    )


def open_named_source(args: argparse.Namespace) -> "ModelSource":
    """Open the source that the options name.

    Raises:
        SourceError: the source does not exist or cannot be read, or an option does not apply to it.
    """
    from edged_models.conversion.open_source import open_source
    from edged_models.detector.graph import DetectorHead

    return open_source(
        args.source,
        head=DetectorHead(args.head) if args.head else None,
        side_px=args.side,
        signatures=args.signatures or (),
        all_signatures=args.all_signatures,
        custom=args.custom,
        trust_code=args.trust_code,
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


def _parse_names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names separated by commas, got {text!r}")
    return names


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
