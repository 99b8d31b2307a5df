"""``edged-models fetch``: a well-known model of others, whole and verified."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models.console import add_json_option, print_result, progress_bar
from edged_models.fetching.catalogue import (
    CATALOGUE_PATH,
    CatalogueEntry,
    read_catalogue,
    select_entries,
)
from edged_models.fetching.fetch import FetchedFile, ModelFetcher
from edged_models.fetching.model_folder import default_model_folder

_KIB = 1024


class FetchResult(Struct, frozen=True, kw_only=True):
    """What is here now.

    Attributes:
        files: each with whether it came now.
        config_snippets: what to write into the daemon's configuration, one text a model.
        seconds: how long it took.
    """

    files: tuple[FetchedFile, ...]
    config_snippets: tuple[str, ...]
    seconds: float


class CatalogueListing(Struct, frozen=True, kw_only=True):
    """What there is."""

    models: tuple[CatalogueEntry, ...]


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "fetch",
        help="download a well-known detection model of others",
        description="Downloads models of the catalogue, and their labels, and says what to write into edged's configuration. "
        "A download that broke off goes on where it was; what is not what the catalogue means is refused.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="as --list has it")
    parser.add_argument("--list", action="store_true", help="show the catalogue; also without NAME")
    parser.add_argument(
        "--edgetpu",
        action="store_const",
        const="edgetpu",
        default="cpu",
        dest="variant",
        help="the variant for a Coral",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="where to; /var/lib/edged/models if it can be written, else ~/.local/share/edged/models",
    )
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE_PATH, metavar="FILE")
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """List or fetch.

    Raises:
        FetchError: no such model, or it did not come.
    """
    entries = read_catalogue(args.catalogue)
    if args.list and args.names:
        args.usage("--list takes no NAME")
    if not args.names:
        print_result(args, CatalogueListing(models=entries), _format_listing(entries))
        return 0
    start_s = time.perf_counter()
    fetcher = ModelFetcher(folder=args.to or default_model_folder(os.environ))
    files: list[FetchedFile] = []
    settings = []
    for entry in select_entries(entries, args.names):
        of_entry = _fetch_entry(fetcher, entry, args.variant)
        files += of_entry
        settings.append(_config_snippet(of_entry, edgetpu=args.variant == "edgetpu"))
    seconds = time.perf_counter() - start_s
    result = FetchResult(files=tuple(files), config_snippets=tuple(settings), seconds=seconds)
    print_result(args, result, _format_lines(result))
    return 0


def _fetch_entry(
    fetcher: ModelFetcher, entry: CatalogueEntry, variant: Any
) -> tuple[FetchedFile, ...]:
    with progress_bar() as progress:

        def of_file(name: str) -> Any:
            task = progress.add_task(f"{name}, KiB", total=None)
            return lambda here, total: progress.update(
                task,
                completed=here // _KIB,
                total=None if total is None else -(-total // _KIB),
            )

        return fetcher.fetch(entry, variant, of_file)


def _config_snippet(files: Sequence[FetchedFile], *, edgetpu: bool) -> str:
    lines = ["[model]", f'path = "{files[0].path.absolute()}"']
    lines += [f'labels_file = "{labels.path.absolute()}"' for labels in files[1:]]
    if edgetpu:
        lines.append('delegate = "libedgetpu.so.1"')
    return "\n".join(lines)


def _format_lines(result: FetchResult) -> list[str]:
    lines = []
    for file in result.files:
        what = "fetched" if file.downloaded else "was here"
        lines.append(f"{file.path}  {file.bytes} bytes, {what}, sha256 as in the catalogue")
    lines.append(f"took {result.seconds:.1f} s; in edged's configuration:")
    for text in result.config_snippets:
        lines += ["", *text.splitlines()]
    return lines


def _format_listing(entries: Sequence[CatalogueEntry]) -> list[str]:
    lines = []
    for entry in entries:
        width, height = entry.input_px
        about = (
            f"{entry.family}, {width}x{height}, {entry.licence}, for {' and '.join(entry.variants)}"
        )
        lines += [f"{entry.name}  ({about})", f"    {entry.description}"]
    return lines
