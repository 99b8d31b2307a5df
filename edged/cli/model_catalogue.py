"""``edged model catalogue``: the public models that ``edged model fetch`` knows."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edged.catalogue.catalogue import CATALOGUE_PATH, CatalogueEntry, read_catalogue
from edged.cli.verbs import add_verb, print_result
from edged.terminal.rows import format_rows

_MIB = 1 << 20


def add_parser(verbs: Any) -> None:
    """Add this verb to ``edged model``."""
    parser = add_verb(verbs, "catalogue", run, "list the public models that can be fetched")
    add_catalogue_option(parser)


def add_catalogue_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names another catalogue; its value is in `args.catalogue`."""
    parser.add_argument(
        "--catalogue",
        type=Path,
        default=CATALOGUE_PATH,
        metavar="FILE",
        help="a catalogue of your own, in the form of edged's",
    )


def run(args: argparse.Namespace) -> int:
    """Print the catalogue.

    Raises:
        CatalogueError: it cannot be read, or is invalid.
    """
    catalogue = read_catalogue(args.catalogue)
    text = "\n\n".join("\n".join(_format_entry(entry)) for entry in catalogue.model)
    return print_result(args, catalogue, f"{text}\n\nfetch one: edged model fetch NAME --use")


def _format_entry(entry: CatalogueEntry) -> Iterator[str]:
    yield entry.name
    yield from (f"  {line}" for line in format_rows(_entry_rows(entry)))


def _entry_rows(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    width, height = entry.input_px
    yield "finds", entry.description
    yield "good for", entry.good_for or "not stated"
    yield "bad for", entry.bad_for or "not stated"
    yield "for a camera", ", ".join(entry.camera_labels) or "all its labels"
    yield "licence", entry.licence
    yield "model", f"family {entry.family}, input {width}x{height}"
    for variant in entry.variants:
        file = entry.get_file(variant)
        size = f"{file.bytes / _MIB:.1f} MiB" if file.bytes else "size not stated"
        archive = " (of the zip)" if file.member else ""
        yield variant, f"{size}, sha256 {file.sha256}{archive}"
