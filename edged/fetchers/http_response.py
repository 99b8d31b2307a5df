"""The meaning of an HTTP response to a request for all or a part of a file. No I/O."""

import re
from collections.abc import Mapping
from enum import Enum, auto

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_OK, _PARTIAL, _UNSATISFIABLE, _SERVER_ERROR = 200, 206, 416, 500
_TRANSIENT_STATUSES = frozenset({408, 425, 429})


class ResponseAction(Enum):
    """The action that a response calls for."""

    APPEND = auto()
    """Append the body, which is the rest of the file."""
    RESTART = auto()
    """Replace the local part by the body, which is the whole file."""
    DONE = auto()
    """Stop: the local part is the whole file."""
    DISCARD = auto()
    """Discard the local part, which belongs to another file, and request the whole file."""
    RETRY = auto()
    """Send the request again later."""
    FAIL = auto()
    """Give up: another request would fail too."""


def classify_response(status: int, headers: Mapping[str, str], offset_bytes: int) -> ResponseAction:
    """Interpret the status and the Content-Range (RFC 9110, section 14.4).

    Args:
        status: status of the response, after redirects.
        headers: headers of the response, their names in lower case.
        offset_bytes: where the requested range begins; 0 if the whole file was requested.
    """
    if status == _OK:
        return ResponseAction.RESTART
    if status in _TRANSIENT_STATUSES or status >= _SERVER_ERROR:
        return ResponseAction.RETRY
    if status not in (_PARTIAL, _UNSATISFIABLE) or not offset_bytes:
        return ResponseAction.FAIL
    content_range = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    start, total = content_range.groups() if content_range else (None, None)
    if status == _PARTIAL:
        return ResponseAction.APPEND if start == str(offset_bytes) else ResponseAction.DISCARD
    return ResponseAction.DONE if total == str(offset_bytes) else ResponseAction.DISCARD


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return the Content-Length; None if it is missing or invalid."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def etag_of(headers: Mapping[str, str]) -> str | None:
    """Return the validator for If-Range (RFC 9110, section 13.1.5): a strong ETag, otherwise the Last-Modified; None if neither is given."""
    etag = headers.get("etag", "")
    strong = etag if etag.startswith('"') else ""
    return strong or headers.get("last-modified") or None
