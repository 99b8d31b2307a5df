"""``edged-models metadata``: read and write what a .tflite says of itself."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.model.file.metadata import read_metadata
from edged_models import console
from edged_models.conversion.arguments import add_metadata_options, read_metadata_options
from edged_models.conversion.metadata import attach_metadata, read_model_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.tflite_model import parse_model, read_model_bytes
from edged_models.errors import ToolError
from edged_models.files import write_bytes


class MetadataResult(Struct, frozen=True, kw_only=True):
    """What a model file says of itself; empty where it says nothing.

    Attributes:
        model: the file.
        written: whether it was written just now.
        bytes: of the file.
        name: the model's own.
        version: its own.
        description: a sentence.
        author: whose it is.
        licence: SPDX, or whatever the author wrote.
        mean: of ``(pixel - mean) / std``, pixel 0..255.
        std: of the same.
        labels: by class id.
    """

    model: Path
    written: bool
    bytes: int
    name: str
    version: str
    description: str
    author: str
    licence: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "metadata",
        help="read or write the labels, normalisation and licence in a .tflite",
        description="Without options prints what a .tflite says of itself. With options writes it into the file, or a copy: what is "
        "not named stays as it is.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    add_metadata_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a copy, leave MODEL alone")
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Print, or write.

    Raises:
        SourceError: the file or the labels cannot be read, or the labels do not fit.
        ToolError: the file cannot be written.
    """
    card = read_metadata_options(args)
    content = read_model_bytes(args.model)
    parse_model(content, str(args.model))
    if card == ModelMetadata():
        if args.out:
            args.usage("--out goes with something to write")
        said = _build_result(args.model, content, is_written=False)
    else:
        out = args.out or args.model
        content = attach_metadata(content, card, str(args.model))
        _check_readable(content, card)
        write_bytes(out, content)
        said = _build_result(out, content, is_written=True)
    console.print_result(args, said, format_lines(said))
    return 0


def format_lines(result: MetadataResult) -> list[str]:
    """What is said as a table."""
    pixels = f"(pixel - {list(result.mean)}) / {list(result.std)}" if result.mean else ""
    rows = {
        "name": result.name,
        "version": result.version,
        "description": result.description,
        "author": result.author,
        "licence": result.licence,
        "pixels": pixels,
        "labels": f"{len(result.labels)}: {'; '.join(result.labels)}" if result.labels else "",
    }
    verb = "wrote" if result.written else "model"
    found = [(name, value) for name, value in rows.items() if value]
    return console.format_table(
        [(verb, f"{result.model}, {result.bytes} B"), *(found or [("metadata", "none")])]
    )


def _build_result(path: Path, content: bytes, *, is_written: bool) -> MetadataResult:
    card = read_model_metadata(content, str(path))
    return MetadataResult(
        model=path,
        written=is_written,
        bytes=len(content),
        name=card.name,
        version=card.version,
        description=card.description,
        author=card.author,
        licence=card.licence,
        mean=card.mean,
        std=card.std,
        labels=card.labels,
    )


def _check_readable(content: bytes, metadata: ModelMetadata) -> None:
    """Read it with the daemon's own reader before it takes the old file's place.

    Raises:
        ToolError: the daemon would read something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        read = read_metadata(path)
    if metadata.labels and read.labels != metadata.labels:
        raise ToolError(
            "the daemon would read other labels: a label begins or ends with a space, or is a number"
        )
    if metadata.mean and len(read.mean) != len(metadata.mean):
        raise ToolError("the daemon would not read the normalisation")
