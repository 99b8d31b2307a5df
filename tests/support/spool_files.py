"""A spool's files, for tests that damage them or end the spool like a crash."""

import sqlite3
from pathlib import Path

from edged.messaging.spool import Spool


def kill_spool(spool: Spool) -> None:
    """Close the files as the end of the process does: nothing is written any more."""
    spool._jobs._files.close()
    if spool._jobs.messages is not None:
        spool._jobs.messages.numbers._progress.close()


def open_store(spool: Spool) -> sqlite3.Connection:
    """Return the open database of a spool whose disk queue does each job at once."""
    store = spool._jobs._files._disk._store
    assert store is not None, "the store is not open"
    return store._db


def progress_path(spool: Spool) -> Path:
    """Return the path of the record in memory."""
    assert spool._jobs.messages is not None, "the disk has not answered yet"
    return spool._jobs.messages.numbers._progress._path


def append_numbered(number: int | None) -> int:
    """Return the number that `Spool.append` has returned; the disk must have answered before."""
    assert number is not None, "the disk has not answered yet"
    return number
