"""``edged-models fetch``: download a well-known public model and verify it."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged.catalogue.catalogue import CATALOGUE_PATH, Catalogue, CatalogueEntry, read_catalogue
from edged.catalogue.fetch import FetchedFile, ModelFetcher
from edged_models.console import add_json_option, print_result, progress_bar
from edged_models.model_folder import default_model_folder

_KIB = 1024


class FetchResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        files: the files of all models; each says whether it was downloaded now.
        config_snippets: for each model, the text for the daemon's configuration.
        seconds: duration of the command.
    """

    files: tuple[FetchedFile, ...]
    config_snippets: tuple[str, ...]
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "fetch",
        help="download a well-known public detection model",
        description="Downloads models of the catalogue and their labels, and prints the text for edged's configuration. An "
        "interrupted download is resumed. A file that does not match the catalogue is rejected. On a device `edged model fetch` does it.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model's name in the catalogue")
    parser.add_argument(
        "--list", action="store_true", help="print the catalogue (default without NAME)"
    )
    parser.add_argument(
        "--edgetpu",
        action="store_const",
        const="edgetpu",
        default="cpu",
        dest="variant",
        help="download the variant for a Coral EdgeTPU",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="destination (default: /var/lib/edged/models if it is writable, else ~/.local/share/edged/models)",
    )
    parser.add_argument(
        "--catalogue",
        type=Path,
        default=CATALOGUE_PATH,
        metavar="FILE",
        help="the catalogue (default: that of edged)",
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Print the catalogue, or download models.

    Raises:
        CatalogueError: the catalogue cannot be read or has no such model, or a download failed.
    """
    catalogue = read_catalogue(args.catalogue)
    if args.list and args.names:
        args.usage("--list takes no NAME")
    if not args.names:
        print_result(args, catalogue, _format_listing(catalogue.model))
        return 0
    result = _fetch(args, catalogue, catalogue.select(args.names))
    print_result(args, result, _format_lines(result))
    return 0


def _fetch(
    args: argparse.Namespace, catalogue: Catalogue, entries: Sequence[CatalogueEntry]
) -> FetchResult:
    began_s = time.perf_counter()
    fetcher = ModelFetcher(folder=args.to or default_model_folder(os.environ))
    files: list[FetchedFile] = []
    snippets = []
    for entry in entries:
        labels = catalogue.find_label_list(entry)
        entry_files = _fetch_entry(fetcher, entry, args.variant, labels)
        files += entry_files
        snippets.append(_config_snippet(entry_files, edgetpu=args.variant == "edgetpu"))
    return FetchResult(
        files=tuple(files),
        config_snippets=tuple(snippets),
        seconds=time.perf_counter() - began_s,
    )


def _fetch_entry(
    fetcher: ModelFetcher, entry: CatalogueEntry, variant: Any, label_list: Sequence[str]
) -> tuple[FetchedFile, ...]:
    with progress_bar() as progress:

        def track_file(name: str) -> Any:
            task = progress.add_task(f"{name}, KiB", total=None)
            return lambda received, total: progress.update(
                task,
                completed=received // _KIB,
                total=None if total is None else -(-total // _KIB),
            )

        return fetcher.fetch(entry, variant, track_file, label_list=label_list)


def _config_snippet(files: Sequence[FetchedFile], *, edgetpu: bool) -> str:
    lines = ["[model]", f'path = "{files[0].path.absolute()}"']
    lines += [f'labels_file = "{labels.path.absolute()}"' for labels in files[1:]]
    if edgetpu:
        lines.append('delegate = "libedgetpu.so.1"')
    return "\n".join(lines)


def _format_lines(result: FetchResult) -> list[str]:
    lines = []
    for file in result.files:
        status = "downloaded" if file.downloaded else "already present"
        lines.append(f"{file.path}  {file.bytes} bytes, {status}, sha256 matches the catalogue")
    lines.append(f"took {result.seconds:.1f} s; for edged's configuration:")
    for text in result.config_snippets:
        lines += ["", *text.splitlines()]
    return lines


def _format_listing(entries: Sequence[CatalogueEntry]) -> list[str]:
    lines = []
    for entry in entries:
        width, height = entry.input_px
        facts = (
            f"{entry.family}, {width}x{height}, {entry.licence}, for {' and '.join(entry.variants)}"
        )
        lines += [f"{entry.name}  ({facts})", f"    {entry.description}"]
    return lines
