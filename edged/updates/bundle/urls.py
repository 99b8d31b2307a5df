"""How addresses are shown to people. No I/O."""

import re

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#]+)(:\d+)?")


def redact_url(url: str) -> str:
    """A path as it is; a URL without user and password, and without a query, which may be as good as a password."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return url
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    if authority and not _HOST.fullmatch(host):
        return f"{scheme}://…"  # who knows what was meant to be what
    return f"{scheme}://{host}{slash}{path}"
