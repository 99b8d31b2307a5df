"""Logging: structured fields in the journal, readable lines everywhere else."""

import logging
import re
import sys

from edged.host.systemd import is_under_journal

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#]+)(:\d+)?")
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def configure(level: str) -> None:
    """Log everything of at least `level` to the journal if standard error goes there, otherwise to standard error."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(_open_journal() or _open_stream())
    set_level(level)


def set_level(level: str) -> None:
    """Change the lowest level that is logged, after `configure`; any thread may call it."""
    logging.getLogger().setLevel(level.upper())


def journal_fields(**values: object) -> dict[str, object]:
    """Return the `extra` argument of a log call: each value becomes a journal field ``EDGED_<NAME>``."""
    return {f"EDGED_{name.upper()}": value for name, value in values.items()}


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


def _open_stream() -> logging.Handler:
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(logging.Formatter(_FORMAT))
    return stream


def _open_journal() -> logging.Handler | None:
    if not is_under_journal():
        return None
    try:
        from systemd.journal import JournalHandler
    except ImportError:
        return None
    journal: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="edged")
    return journal
