"""Logging: structured fields in the journal, readable lines everywhere else.

Every record is cleaned before a handler sees it, whoever wrote it: URLs are shown without what may be a login, and control characters
are escaped. So the words of libraries, their arguments and tracebacks are safe, too.
"""

import logging
import sys
import threading
from types import TracebackType

from edged.host.systemd import is_under_journal
from edged.redaction import redact_text
from edged.terminal.escape import escape_text, one_line
from edged.terminal.safe_stream import protect

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_FIELD_PREFIX = "EDGED_"


def configure(level: str) -> None:
    """Log everything of at least `level` to the journal if standard error goes there, otherwise to standard error."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(CleanedLog(_open_journal() or _open_stream()))
    set_level(level)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def set_level(level: str) -> None:
    """Change the lowest level that is logged, after `configure`; any thread may call it."""
    logging.getLogger().setLevel(level.upper())


def journal_fields(**values: object) -> dict[str, object]:
    """Return the `extra` argument of a log call: each value becomes a journal field ``EDGED_<NAME>``."""
    return {f"{_FIELD_PREFIX}{name.upper()}": value for name, value in values.items()}


class CleanedLog(logging.Handler):
    """Passes each record on to another target, without secrets and control characters."""

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on a record."""
        try:
            cleaned = clean_record(record)
        except Exception:  # noqa: BLE001 (as in every handler: a fault of a log call ends no process)
            self.handleError(record)
        else:
            self._target.handle(cleaned)

    def flush(self) -> None:
        """Flush the target."""
        self._target.flush()

    def close(self) -> None:
        """Close the target and this handler."""
        self._target.close()
        super().close()


def clean_record(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy of a record without secrets: a message of one line, no arguments, and a traceback as text.

    A handler must not see the arguments: that of the journal sends them as a field of their own.
    """
    cleaned = logging.makeLogRecord(record.__dict__)
    cleaned.msg, cleaned.args = one_line(redact_text(record.getMessage())), None
    trace = record.exc_text
    if record.exc_info and not trace:
        trace = logging.Formatter().formatException(record.exc_info)
    cleaned.exc_info = None
    cleaned.exc_text = _clean_block(trace) if trace else None
    cleaned.stack_info = _clean_block(record.stack_info) if record.stack_info else None
    for name, value in record.__dict__.items():
        if name.startswith(_FIELD_PREFIX):
            setattr(cleaned, name, one_line(redact_text(str(value))))
    return cleaned


def _clean_block(text: str) -> str:
    """Return a text of several lines, indented so that none of them looks like a log line."""
    lines = escape_text(redact_text(text)).splitlines()
    return "\n".join(f"  {line}" for line in lines)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger(__name__).critical(
        "ended by an unexpected error", exc_info=(kind, error, trace)
    )


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread else "unknown"
    trace = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger(__name__).critical(
        "the thread %s ended by an unexpected error", name, exc_info=trace
    )


def _open_stream() -> logging.Handler:
    stream = logging.StreamHandler(protect(sys.stderr))
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
