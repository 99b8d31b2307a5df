"""Rules for settings that are the address of a server or a path, which say what to write instead. No I/O.

Such a setting carries its rule in the metadata of its type (``Meta(extra=HOST_NAME)``); the reader of the settings applies it.
"""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

RULE_KEY = "address_rule"
_MAX_PORT = 65535
_MAX_HOST_CHARS, _MAX_LABEL_CHARS = 253, 63
_AUTHORITY_END = re.compile(r"[/?#\\]")
_LOGIN_END = re.compile(r"@[^/?#@:\s]")
"""An @ before what can be a host."""
_BAD_CHARACTER = re.compile(r"[\s\x00-\x20\x7f-\xa0]")
_LABEL = re.compile(r"[\w-]+", re.UNICODE)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_TLS_SCHEMES = frozenset({"mqtts", "ssl", "tls", "wss"})
_LOGIN_HINT = "set username and password_file instead"


class AddressProblem(NamedTuple):
    """Why a text is not the address that a setting needs.

    Attributes:
        message: what is wrong; it shows nothing that may be a secret.
        hint: what to write instead.
    """

    message: str
    hint: str


AddressRule = Callable[[str], AddressProblem | None]


def find_host_problem(text: str) -> AddressProblem | None:
    """Return why a text is not the name or address of a host alone; None if it is."""
    if "@" not in text and "://" in text:
        return _explain_url(text)
    faults = (
        (not text, "is empty", "write the name or address of a host"),
        ("@" in text, "contains a login: an @", f"write the host alone, and {_LOGIN_HINT}"),
        (_BAD_CHARACTER.search(text), "contains a space or a control character", "remove it"),
        (_AUTHORITY_END.search(text), "contains a path", "write the host alone"),
    )
    for is_fault, message, hint in faults:
        if is_fault:
            return AddressProblem(message, hint)
    host, port = _split_port(text)
    if port is not None and not _is_port(port):
        return AddressProblem("contains a colon that begins no port", "write the host alone")
    if port is not None or text.startswith("["):
        what = "contains a port" if port else "an IPv6 address is written without brackets here"
        return AddressProblem(what, f"write {_describe_host_and_port(host, port)}")
    return None if (reason := _find_name_problem(text)) is None else AddressProblem(*reason)


def find_server_problem(rest: str) -> str | None:
    """Return why what follows ``://`` in a URL does not begin with a host, with or without a login and a port; None if it does."""
    end = _AUTHORITY_END.search(rest)
    authority = rest[: end.start()] if end else rest
    _, at, host_and_port = authority.rpartition("@")
    host, port = _split_port(host_and_port)
    if not host:
        return "it names no host" if not at else "it names no host after the login"
    if port is not None and not _is_port(port):
        return f"its port is not a number from 1 to {_MAX_PORT}"
    if not at and ":" in authority and end and "@" in rest[end.start() :]:
        return "it is not clear where its login ends"
    return _find_url_host_problem(host)


def find_stream_url_problem(text: str) -> AddressProblem | None:
    """Return why a text is not the URL of a camera's stream without a login; None if it is."""
    scheme, slashes, rest = text.partition("://")
    if not slashes or scheme not in _STREAM_SCHEMES:
        schemes = ", ".join(f"{one}://" for one in _STREAM_SCHEMES)
        return AddressProblem(
            "not the URL of a stream", f"begin it with one of {schemes}, then the camera's host"
        )
    if login := find_login_problem(text):
        return login
    if _BAD_CHARACTER.search(text) or "\\" in text:
        hint = "remove it, or write %20 for a space and / for a backslash"
        return AddressProblem("contains a space, a backslash or a control character", hint)
    reason = find_server_problem(rest)
    hint = f"write it as {scheme}://192.0.2.7:554/live or {scheme}://[2001:db8::7]/live"
    return None if reason is None else AddressProblem(f"not the URL of a stream: {reason}", hint)


def find_login_problem(url: str) -> AddressProblem | None:
    """Return a problem if a URL contains a login, or what can be one; None if it does not."""
    if not _LOGIN_END.search(url):
        return None
    hint = f"{_LOGIN_HINT}; write %40 for an @ that belongs to the path"
    return AddressProblem("contains a login: an @ before what can be a host", hint)


def find_path_problem(text: str) -> AddressProblem | None:
    """Return why a text is not the path of a file or folder on this device; None if it is."""
    if _URL.match(text):
        return AddressProblem(
            "a URL, but the path of a file or folder on this device is expected", "write a path"
        )
    return None


def find_listen_problem(text: str) -> AddressProblem | None:
    """Return why a text is not an address to listen on, with its port; None if it is. Port 0 is one that the system chooses."""
    hint = 'write it as "127.0.0.1:8080" or "[::1]:8080"'
    host, port = _split_port(text)
    if port is None:
        return AddressProblem("has no port" if "://" not in text else "a URL", hint)
    if not (_is_port(port) or port == "0"):
        return AddressProblem(f"its port is not a number from 0 to {_MAX_PORT}", hint)
    if not (_is_ipv6(host[1:-1]) if host.startswith("[") else _is_ipv4(host)):
        return AddressProblem("its host is not an IP address of this device", hint)
    return None


def find_topic_problem(text: str) -> AddressProblem | None:
    """Return why a text is not the first part of a topic; None if it is."""
    if text.startswith("/") or text.endswith("/") or not text or "//" in text:
        return AddressProblem("has an empty level", "write it without a / at its ends")
    if _WILDCARD.search(text) or _BAD_CHARACTER.search(text):
        hint = "write letters, digits, - and _, with / between levels"
        return AddressProblem("contains a wildcard, a space or a control character", hint)
    return None


_WILDCARD = re.compile(r"[+#$]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")

HOST_NAME = {RULE_KEY: find_host_problem}
"""`extra` of a setting that is the name or address of a host alone."""
LISTEN_ADDRESS = {RULE_KEY: find_listen_problem}
"""`extra` of an address and a port to listen on."""
TOPIC_PREFIX = {RULE_KEY: find_topic_problem}
"""`extra` of the first part of a topic."""
PATH_TEXT = {RULE_KEY: find_path_problem}
"""`extra` of a path that is a text, because it may be something else, such as "-"."""
STREAM_URL = {RULE_KEY: find_stream_url_problem}
"""`extra` of the URL of a camera's stream; a login in it is refused."""


def _explain_url(text: str) -> AddressProblem:
    """Say what to write instead of the URL of a broker."""
    scheme, _, rest = text.partition("://")
    end = _AUTHORITY_END.search(rest)
    host, port = _split_port(rest[: end.start()] if end else rest)
    message = "a URL, but the name or address of a host is expected"
    if find_server_problem(rest) is not None:
        return AddressProblem(message, "write the host alone")
    tls = ", and add [mqtt.tls]" if scheme.lower() in _TLS_SCHEMES else ""
    return AddressProblem(message, f"write {_describe_host_and_port(host, port)}{tls}")


def _describe_host_and_port(host: str, port: str | None) -> str:
    plain = f'host = "{host.strip("[]")}"'
    return f"{plain} and port = {port}" if port else plain


def _split_port(text: str) -> tuple[str, str | None]:
    """Split a host from its port; the port is None if there is none, as in an IPv6 address without brackets."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        return host + bracket, rest[1:] if rest.startswith(":") else None
    if text.count(":") != 1:
        return text, None
    host, _, port = text.partition(":")
    return host, port


def _find_url_host_problem(host: str) -> str | None:
    if "%25" in host:
        return "no library unescapes the zone of an IPv6 address: write a bare % before it"
    if host.startswith("["):
        is_valid = host.endswith("]") and _is_ipv6(host[1:-1])
        return None if is_valid else "its IPv6 address is not valid"
    if ":" in host:
        return "an IPv6 address is written in brackets"
    return None if (reason := _find_name_problem(host)) is None else f"its host {reason[0]}"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) <= _MAX_PORT


def _find_name_problem(host: str) -> tuple[str, str] | None:
    """Return why a text is neither an IP address nor the name of a host, and what to do; None if it is."""
    if ":" in host:
        hint = "check it, or write a name; before a zone stands a bare %"
        return (
            None if _is_ipv6(host) and "%25" not in host else ("is not a valid IPv6 address", hint)
        )
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        hint = "write four numbers from 0 to 255, or a name"
        return None if _is_ipv4(host) else ("is not a valid IPv4 address", hint)
    if len(host) > _MAX_HOST_CHARS or any(len(label) > _MAX_LABEL_CHARS for label in labels):
        return ("is longer than a host name can be", "check it")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return ("is not a host name", "use letters, digits, - and _, with dots between")
    try:
        host.encode("idna")
    except UnicodeError:
        return ("is not a host name", "write it in ASCII")
    return None


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return True
