"""What an HTTP answer to a request for a whole or part of a file means. No I/O."""

import re
from collections.abc import Mapping
from enum import Enum, auto

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_OK, _PARTIAL, _UNSATISFIABLE, _SERVER_ERROR = 200, 206, 416, 500
_TRANSIENT_STATUSES = frozenset({408, 425, 429})


class ResponseAction(Enum):
    """What to do with it."""

    APPEND = auto()
    """The body is the rest of what is here."""
    RESTART = auto()
    """The body is the whole file: what is here goes."""
    DONE = auto()
    """There is nothing more: the file is here."""
    DISCARD = auto()
    """What is here is not a part of that file: it goes, and is asked for anew."""
    RETRY = auto()
    """It may work in a while."""
    FAIL = auto()
    """It will not work."""


def classify_response(status: int, headers: Mapping[str, str], offset_bytes: int) -> ResponseAction:
    """Read the status and the Content-Range (RFC 9110, section 14.4).

    Args:
        status: of the answer, after redirects.
        headers: of the answer, their names in lower case.
        offset_bytes: from where the file was asked for; 0 for all of it.
    """
    if status == _OK:
        return ResponseAction.RESTART
    if status in _TRANSIENT_STATUSES or status >= _SERVER_ERROR:
        return ResponseAction.RETRY
    if status not in (_PARTIAL, _UNSATISFIABLE) or not offset_bytes:
        return ResponseAction.FAIL
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    start, total = found.groups() if found else (None, None)
    if status == _PARTIAL:
        return ResponseAction.APPEND if start == str(offset_bytes) else ResponseAction.DISCARD
    return ResponseAction.DONE if total == str(offset_bytes) else ResponseAction.DISCARD


def content_length(headers: Mapping[str, str]) -> int | None:
    """The Content-Length; None if it is not given, or makes no sense."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def etag_of(headers: Mapping[str, str]) -> str:
    """What names this version of the file for If-Range (RFC 9110, section 13.1.5): a strong ETag, else the Last-Modified; "" if neither."""
    etag = headers.get("etag", "")
    strong = etag if etag.startswith('"') else ""
    return strong or headers.get("last-modified", "")
