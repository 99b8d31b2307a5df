"""Logging: structured fields in the journal, readable lines everywhere else."""

import logging
import sys

from edged.host.systemd import under_journal

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def configure(level: str) -> None:
    """Send everything of at least `level` to the journal if that is where standard error goes, else to standard error."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(_journal() or _lines())
    root.setLevel(level.upper())


def fields(**values: object) -> dict[str, object]:
    """`extra` of a log call: each becomes a journal field ``EDGED_<NAME>``."""
    return {f"EDGED_{name.upper()}": value for name, value in values.items()}


def _lines() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    return handler


def _journal() -> logging.Handler | None:
    if not under_journal():
        return None
    try:
        from systemd.journal import JournalHandler
    except ImportError:
        return None
    handler: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="edged")
    return handler
