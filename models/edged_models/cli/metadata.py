"""``edged-models metadata``: read or write the metadata in a .tflite."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.model.file.metadata import read_metadata
from edged_models import console
from edged_models.cli.options import add_model_argument
from edged_models.conversion.arguments import add_metadata_options, read_metadata_options
from edged_models.conversion.metadata import attach_metadata, read_model_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.tflite_model import parse_model, read_model_bytes
from edged_models.errors import ToolError
from edged_models.files import write_bytes


class MetadataResult(Struct, frozen=True, kw_only=True):
    """Result of the command; fields that the file does not have are None or ().

    Attributes:
        model: path of the model.
        written: whether this command has written the file.
        bytes: size of the file.
        name: name of the model.
        version: version of the model.
        description: a sentence about the model.
        author: author of the model.
        licence: SPDX identifier, or free text.
        mean: mean of the normalisation ``(pixel - mean) / std`` of pixels 0..255.
        std: standard deviation of the normalisation.
        labels: labels by class id.
    """

    model: Path
    written: bool
    bytes: int
    name: str | None
    version: str | None
    description: str | None
    author: str | None
    licence: str | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "metadata",
        help="read or write the labels, normalisation and licence in a .tflite",
        description="Without options, prints the metadata of a .tflite. With options, writes them into the file or a copy; fields "
        "without an option are not changed.",
    )
    add_model_argument(parser)
    add_metadata_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write a copy, and do not change MODEL"
    )
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Print the metadata, or write them.

    Raises:
        SourceError: the file or the labels cannot be read, or the labels do not fit the model.
        ToolError: the file cannot be written, or the daemon would not read the metadata as given.
        ModelError: the daemon cannot read the file with the new metadata.
    """
    metadata = read_metadata_options(args)
    content = read_model_bytes(args.model)
    parse_model(content, str(args.model))
    if metadata == ModelMetadata():
        if args.out:
            args.usage("--out needs an option that sets metadata")
        result = _build_result(args.model, content, is_written=False)
    else:
        content = attach_metadata(content, metadata, str(args.model))
        result = _write(args.out or args.model, content, metadata)
    console.print_result(args, result, format_lines(result))
    return 0


def _write(out: Path, content: bytes, metadata: ModelMetadata) -> MetadataResult:
    _check_readable(content, metadata)
    write_bytes(out, content)
    return _build_result(out, content, is_written=True)


def format_lines(result: MetadataResult) -> list[str]:
    """Format the metadata as a table."""
    mean, std = list(result.mean), list(result.std)
    values = {
        "name": result.name,
        "version": result.version,
        "description": result.description,
        "author": result.author,
        "licence": result.licence,
        "pixels": f"(pixel - {mean}) / {std}" if mean else None,
        "labels": f"{len(result.labels)}: {'; '.join(result.labels)}" if result.labels else None,
    }
    verb = "wrote" if result.written else "model"
    rows = [(name, value) for name, value in values.items() if value]
    return console.format_table(
        [(verb, f"{result.model}, {result.bytes} B"), *(rows or [("metadata", "none")])]
    )


def _build_result(path: Path, content: bytes, *, is_written: bool) -> MetadataResult:
    metadata = read_model_metadata(content, str(path))
    return MetadataResult(
        model=path,
        written=is_written,
        bytes=len(content),
        name=metadata.name,
        version=metadata.version,
        description=metadata.description,
        author=metadata.author,
        licence=metadata.licence,
        mean=metadata.mean,
        std=metadata.std,
        labels=metadata.labels,
    )


def _check_readable(content: bytes, metadata: ModelMetadata) -> None:
    """Check with the daemon's own reader, before the old file is replaced, that it reads the metadata as given.

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
        raise ToolError("the daemon would not read the normalisation (--mean and --std)")
