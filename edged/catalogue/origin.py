"""Where the files of a catalogue entry come from: their own addresses, one file, or a mirror. No I/O but a look at the path.

An origin whose name ends in ``.tflite`` or ``.zip`` is the model's file itself. Any other is a mirror: a folder, or the address of one,
that has the files under the names that they have at their own addresses.
"""

from pathlib import Path

from edged.catalogue.catalogue import CatalogueFile
from edged.errors import CatalogueError
from edged.redaction import display_url
from edged.registry import FETCHERS
from edged.updates.rules.source import find_source_problem, is_url, source_scheme

_FILE_SUFFIXES = (".tflite", ".zip")


def parse_origin(text: str) -> str:
    """Return an origin as a URL or an absolute path.

    Raises:
        CatalogueError: it can be neither, or there is no such path.
    """
    problem = find_source_problem(text)
    if problem is None and source_scheme(text) not in FETCHERS:
        problem = f"use a path, or a URL that begins with one of {', '.join(FETCHERS)}"
    if problem:
        raise CatalogueError(f"--from {display_url(text)}: {problem}")
    if is_url(text):
        return text
    path = Path(text).absolute()
    if not path.exists():
        raise CatalogueError(f"--from {path}: there is no such file or folder")
    return str(path)


def find_addresses(source: CatalogueFile, origin: str | None, *, is_model: bool) -> tuple[str, ...]:
    """Return the addresses at which a file is looked for, in order.

    Args:
        source: the file in the catalogue.
        origin: one file or a mirror, as `parse_origin` returns it; None for the addresses in the catalogue.
        is_model: it is the file of the model, which an origin that is one file means; labels are looked for beside it.
    """
    if origin is None:
        return source.urls
    is_file = _is_file(origin)
    if is_file and is_model:
        return (origin,)
    folder, query = _split_query(origin)
    folder = folder.rpartition("/")[0] if is_file else folder.rstrip("/")
    names = dict.fromkeys(map(original_name, source.urls))
    return tuple(f"{folder}/{name}{query}" for name in names)


def original_name(url: str) -> str:
    """Return the name of the file at an address."""
    return _split_query(url)[0].rpartition("/")[2]


def _is_file(origin: str) -> bool:
    if not is_url(origin) and Path(origin).is_dir():
        return False
    return _split_query(origin)[0].lower().endswith(_FILE_SUFFIXES) or (
        not is_url(origin) and Path(origin).is_file()
    )


def _split_query(url: str) -> tuple[str, str]:
    """Return an address without its query, and the query with its question mark; a path has none."""
    if not is_url(url):
        return url, ""
    address, mark, query = url.partition("?")
    return address, mark + query
