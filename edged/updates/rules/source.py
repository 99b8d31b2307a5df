"""Rules for the source of a bundle: what can be an address at all. No I/O.

Every entrance applies them (a command, the control socket, the drop folder, the desired state), so that the installer sees nothing else.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from edged.config.addresses import find_server_problem
from edged.errors import UpdateError
from edged.redaction import display_url
from edged.registry import FETCHERS

MAX_SOURCE_CHARS = 4096
FILE_SCHEME = "file"
_MAX_SHOWN_CHARS = 200
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
_LOGIN_HINT = "in a login write %2F for /, %3F for ?, %23 for # and %40 for @"
_URL_CHARACTERS = re.compile(r"[!-~]*")


def source_scheme(source: str) -> str:
    """Return the scheme of a source in lower case, which names its fetcher; `FILE_SCHEME` for a path."""
    match = _SCHEME.match(source)
    return match[1].lower() if match else FILE_SCHEME


def is_url(source: str) -> bool:
    """Return whether a source is a URL, and not a path."""
    return _SCHEME.match(source) is not None


def source_path(source: str) -> Path | None:
    """Return the path of a source on this device; None for a URL of a server.

    Raises:
        UpdateError: the file URL names another host.
    """
    if source_scheme(source) != FILE_SCHEME:
        return None
    if not is_url(source):
        return Path(source)
    rest = source.partition(":")[2]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise UpdateError(f"{source}: this file URL names another host; write file:///PATH")
        rest = slash + path
    return Path(unquote(re.split(r"[?#]", rest, maxsplit=1)[0]))


def check_source(source: str) -> None:
    """Check that a source can be the address of a bundle.

    Raises:
        UpdateError: it cannot.
    """
    if problem := find_source_problem(source):
        shown = display_url(source).encode(errors="replace").decode()[:_MAX_SHOWN_CHARS]
        raise UpdateError(f"{shown!r} cannot be a source of bundles: {problem}")


def check_scheme(source: str) -> None:
    """Check that a fetcher exists for a source.

    Raises:
        UpdateError: there is none.
    """
    scheme = source_scheme(source)
    if scheme not in FETCHERS:
        raise UpdateError(
            f"{display_url(source)}: {scheme}:// is not supported; use a path, or a URL that begins with {_schemes()}"
        )


def find_source_problem(source: str) -> str | None:
    """Return why a source can be no address of a bundle; None if it can."""
    if len(source) > MAX_SOURCE_CHARS:
        return f"it is longer than {MAX_SOURCE_CHARS} characters"
    if not source or source.encode(errors="replace").decode() != source:
        return "it is not valid UTF-8" if source else "it is empty"
    is_file = source_scheme(source) == FILE_SCHEME
    if "\0" in source or (is_file and "%00" in source):
        return "it contains a NUL character, which no path and no URL has"
    return None if is_file else _find_url_problem(source)


def _find_url_problem(url: str) -> str | None:
    if not _URL_CHARACTERS.fullmatch(url):
        return "a URL holds no spaces and no special characters; write %20 for a space"
    begin, slashes, rest = url.partition("://")
    if not slashes:
        return f"write {begin.partition(':')[0]}:// with two slashes"
    reason = find_server_problem(rest)
    return f"{reason}; {_LOGIN_HINT}" if reason and ("@" in rest) else reason


def _schemes() -> str:
    *first, last = (f"{scheme}://" for scheme in FETCHERS)
    return f"{', '.join(first)} or {last}"
