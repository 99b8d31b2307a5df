"""The log: no secret and no control character reaches a handler, whoever logged it."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from edged import logs

CAMERA_URL = "rtsp://me:hush@cam/user=me&password=hush"


class Journal(logging.Handler):
    """Keeps what a handler of the journal would send: the message, and every other attribute of the record."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def text(self) -> str:
        return "\n".join(f"{self.format(record)}\n{record.__dict__}" for record in self.records)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    journal = Journal()
    monkeypatch.setattr(logs, "_open_journal", lambda: journal)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("debug")
    yield journal
    root.handlers[:] = before
    root.setLevel(level)


def fail(text: str = f"Invalid data found: {CAMERA_URL}") -> None:
    raise ValueError(text)


def test_a_login_in_the_words_of_a_library_is_not_logged(journal: Journal) -> None:
    log = logging.getLogger("libav.rtsp")
    log.warning("redirected to %s\n", CAMERA_URL, extra=logs.journal_fields(source=CAMERA_URL))
    try:
        fail()
    except ValueError:
        log.exception("cannot open %s", CAMERA_URL, stack_info=True)
    assert "hush" not in journal.text
    assert "rtsp://cam" in journal.text
    assert "Traceback" in journal.text


def test_a_login_in_the_error_that_ends_a_thread_is_not_logged(journal: Journal) -> None:
    thread = threading.Thread(target=fail, name="camera")
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError:
        sys.excepthook(*sys.exc_info())
    assert "hush" not in journal.text
    assert "the thread camera ended by an unexpected error" in journal.text
    assert len(journal.records) == 2


def test_an_untrusted_text_forges_no_line_and_no_sequence(journal: Journal) -> None:
    label = "cat\x1b]0;owned\x07\n2026-01-01 00:00:00 ERROR forged \u202egnp.exe \x9b31m"
    log = logging.getLogger("edged")
    log.warning("label %s", label, extra=logs.journal_fields(label=label))
    try:
        fail(label)
    except ValueError:
        log.exception("failed")
    for record in journal.records:
        shown = journal.format(record)
        assert not any(c in shown for c in "\x1b\x07\u202e\x9b")
        assert not any(line.startswith("2026-01-01") for line in shown.splitlines())
    assert r"label cat\u001b]0;owned\u0007\u000a2026" in journal.records[0].getMessage()
    assert "\x1b" not in str(journal.records[0].__dict__["EDGED_LABEL"])


def test_a_log_call_with_wrong_arguments_ends_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("edged").warning("%d", "no number")
    assert journal.records == []
