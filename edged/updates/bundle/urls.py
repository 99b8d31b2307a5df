"""URLs for display and logs, without secrets. Pure."""

import re

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#]+)(:\d+)?")


def redact_url(url: str) -> str:
    """Return a URL without user, password and query, which may hold a secret; a path is returned unchanged."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return url
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    if authority and not _HOST.fullmatch(host):
        return f"{scheme}://…"  # the parts cannot be told apart
    return f"{scheme}://{host}{slash}{path}"
