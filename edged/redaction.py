"""Addresses as messages show them: scheme, host and port of a URL, and nothing else, because everything else can hold a secret.

Cameras take logins not only before the host, but in the path and the query, too; and a password with a ``/``, ``#`` or ``?`` moves the
place where the path begins. Everything that shows an address uses this module: logs, MQTT messages and the output of commands.
"""

import re

HIDDEN = "…"
_MAX_PORT = 65535
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\x7f\[\]:@\\%]+)(?::([0-9]{1,5}))?")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_BUNDLE_VERSION = re.compile(r"@[0-9][^/@?#:]*\.edgem(?![^/?#])")
"""In a path, ``name@version.edgem`` is no login."""
_URL_IN_TEXT = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://\S*|(?:https?|rtsps?|mqtts?|ftps?|wss?):/?[^\s/]\S*@\S*"
    r"|[^\s:/@]+:[^\s/@]+@(?=[A-Za-z0-9\[])"
)
"""A URL, what is likely to be one with a slash too few and a login, or a login before a host."""
_MISTYPED_URL = re.compile(r"(https?|rtsps?|mqtts?|ftps?|wss?):", re.IGNORECASE)
_PUNCTUATION = ".,;:!?)]}>\"'`…"


def display_url(url: str) -> str:
    """Return ``scheme://host:port`` of a URL, and ``scheme://…`` if its host cannot be told from a login.

    A path and a file URL are returned unchanged, because they name no server.
    """
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        mistyped = _MISTYPED_URL.match(url)
        return f"{mistyped[1]}://{HIDDEN}" if mistyped else url
    if scheme.lower() == "file":
        return url
    if not _SCHEME.fullmatch(scheme):
        return f"{HIDDEN}://{HIDDEN}"
    return f"{scheme}://{_display_host(rest)}"


def redact_text(text: str) -> str:
    """Return a text with each URL in it as `display_url` shows it; for the words of libraries and for tracebacks."""
    return _URL_IN_TEXT.sub(_redact_match, text) if ":/" in text or "@" in text else text


def _display_host(rest: str) -> str:
    """Return host and port of what follows ``://``."""
    end = _AUTHORITY_END.search(rest)
    authority, remainder = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    host = authority.rpartition("@")[2]
    parts = _HOST_AND_PORT.fullmatch(host)
    # An @ further on: the password may hold the slash that seems to begin the path.
    if "@" in _BUNDLE_VERSION.sub("", remainder) or parts is None or int(parts[1] or 0) > _MAX_PORT:
        return HIDDEN
    return host


def _redact_match(match: re.Match[str]) -> str:
    url = match.group()
    bare = url.rstrip(_PUNCTUATION)
    if url.endswith("@"):
        return f"{HIDDEN}@"
    if "://" not in bare:
        return f"{bare.partition(':')[0]}://{HIDDEN}" if "@" in bare else url
    return display_url(bare) + url[len(bare) :]
