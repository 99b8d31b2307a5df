"""``edged-models metadata``: read and write what a .tflite says of itself."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.model.file.reader import read_metadata
from edged_models import console
from edged_models.conversion.arguments import add_card, card_of_options
from edged_models.conversion.card import Card
from edged_models.conversion.flatmodel import flat_model, read_model
from edged_models.conversion.metadata import attach, card_of
from edged_models.errors import ToolError
from edged_models.files import write_bytes


class Said(Struct, frozen=True, kw_only=True):
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
    add_card(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a copy, leave MODEL alone")
    console.add_json(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Print, or write.

    Raises:
        SourceError: the file or the labels cannot be read, or the labels do not fit.
        ToolError: the file cannot be written.
    """
    card = card_of_options(args)
    content = read_model(args.model)
    flat_model(content, str(args.model))
    if card == Card():
        if args.out:
            args.usage("--out goes with something to write")
        said = _said(args.model, content, written=False)
    else:
        out = args.out or args.model
        content = attach(content, card, str(args.model))
        _check(content, card)
        write_bytes(out, content)
        said = _said(out, content, written=True)
    console.answer(args, said, lines(said))
    return 0


def lines(said: Said) -> list[str]:
    """What is said as a table."""
    pixels = f"(pixel - {list(said.mean)}) / {list(said.std)}" if said.mean else ""
    rows = {
        "name": said.name,
        "version": said.version,
        "description": said.description,
        "author": said.author,
        "licence": said.licence,
        "pixels": pixels,
        "labels": f"{len(said.labels)}: {'; '.join(said.labels)}" if said.labels else "",
    }
    verb = "wrote" if said.written else "model"
    found = [(name, value) for name, value in rows.items() if value]
    return console.table(
        [(verb, f"{said.model}, {said.bytes} B"), *(found or [("metadata", "none")])]
    )


def _said(path: Path, content: bytes, *, written: bool) -> Said:
    card = card_of(content, str(path))
    return Said(
        model=path,
        written=written,
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


def _check(content: bytes, card: Card) -> None:
    """Read it with the daemon's own reader before it takes the old file's place.

    Raises:
        ToolError: the daemon would read something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        read = read_metadata(path)
    if card.labels and read.labels != card.labels:
        raise ToolError(
            "the daemon would read other labels: a label begins or ends with a space, or is a number"
        )
    if card.mean and len(read.mean) != len(card.mean):
        raise ToolError("the daemon would not read the normalisation")
