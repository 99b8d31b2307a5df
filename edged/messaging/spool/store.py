"""The queue's rows in SQLite, and how messages become durable."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from pathlib import Path

from edged.errors import SpoolDamageError
from edged.messaging.spool.index import MessageIndex
from edged.messaging.spool.item import COLUMNS, Rank, SpoolItem, make_row, read_row
from edged.messaging.spool.schema import (
    StoreSummary,
    decode_summary,
    make_store_id,
    open_database,
    transaction,
    write_summary,
)

_SELECT = f"SELECT {COLUMNS} FROM message"  # noqa: S608 (constant)
_INSERT = f"INSERT INTO message ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 (constant)
_DISK_FAULTS = (
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_PERM",
    "SQLITE_AUTH",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_PROTOCOL",
    "SQLITE_NOLFS",
)
"""Failures of the disk or the system, https://www.sqlite.org/rescode.html: the file may be whole."""

STORE_ERRORS = (sqlite3.Error, SpoolDamageError, UnicodeDecodeError)
"""What the store raises; `UnicodeDecodeError` is how Python reports a damaged name of a column, or one in a message of SQLite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreContent:
    """What a file holds after it was opened or replaced.

    Attributes:
        summary: the content as of the last commit.
        index: the messages; it belongs to the one who gets this.
        gaps: the gap records, ascending.
        is_damaged: a damaged file was quarantined, so that messages may be missing.
    """

    summary: StoreSummary
    index: MessageIndex
    gaps: tuple[SpoolItem, ...]
    is_damaged: bool


class SpoolStore:
    """A SQLite file in WAL mode; one thread uses it. Every method may raise `STORE_ERRORS`."""

    def __init__(self, path: Path) -> None:
        """Open the file, without reading the messages."""
        self.summary = StoreSummary()
        """The content as of the last commit; known once `load` was called."""
        self._db = open_database(path)

    def commit(
        self, add: Collection[SpoolItem], remove: Collection[int], *, next_seq: int, running_ns: int
    ) -> StoreSummary:
        """Delete and add messages in one durable transaction, and return the new content.

        Args:
            add: the messages to store.
            remove: the numbers of the messages to delete.
            next_seq: the next sequence number.
            running_ns: the running time until now.
        """
        old = self.summary
        summary = StoreSummary(
            count=old.count + len(add) - len(remove),
            seq_xor=reduce(xor, (item.seq for item in add), reduce(xor, remove, old.seq_xor)),
            next_seq=next_seq,
            running_ns=running_ns,
            store_id=old.store_id or make_store_id(),
            generation=old.generation + 1,
        )
        with transaction(self._db):
            self._delete(remove)
            self._db.executemany(_INSERT, map(make_row, add))
            write_summary(self._db, summary)
        self.summary = summary
        return summary

    def load(self, *, is_damaged: bool) -> StoreContent:
        """Read and check every row, because a damaged row must be known before its neighbours are sent.

        Args:
            is_damaged: the value for `StoreContent.is_damaged`.
        """
        index, gaps, seq_xor = MessageIndex(), list[SpoolItem](), 0
        for row in self._db.execute(f"{_SELECT} ORDER BY seq"):
            item = read_row(row)
            seq_xor ^= item.seq
            index.add(item.seq, item.rank, len(item.payload), item.created_ns)
            if item.rank is Rank.GAP:
                gaps.append(item)
        self.summary = self._read_summary()
        if (index.count, seq_xor) != (self.summary.count, self.summary.seq_xor):
            raise SpoolDamageError(
                f"it holds {index.count} messages, not the {self.summary.count} that were stored"
            )
        return StoreContent(
            summary=self.summary, index=index, gaps=tuple(gaps), is_damaged=is_damaged
        )

    def read_page(self, seqs: Sequence[int]) -> list[SpoolItem]:
        """Return the messages with the numbers `seqs`, which are ascending and not empty."""
        query = f"{_SELECT} WHERE seq BETWEEN ? AND ? ORDER BY seq"
        wanted = set(seqs)
        rows = self._db.execute(query, (seqs[0], seqs[-1]))
        items = [read_row(row) for row in rows if row[0] in wanted]
        if len(items) != len(wanted):
            raise SpoolDamageError(f"{len(wanted) - len(items)} messages are missing")
        return items

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _delete(self, seqs: Collection[int]) -> None:
        if not seqs:
            return
        statement = "DELETE FROM message WHERE seq = ?"
        count = self._db.executemany(statement, ((seq,) for seq in seqs)).rowcount
        if count != len(seqs):
            raise SpoolDamageError(f"{len(seqs) - count} messages are missing")

    def _read_summary(self) -> StoreSummary:
        values = self._db.execute("SELECT value FROM summary").fetchall()
        if len(values) > 1:
            raise SpoolDamageError("its summary is damaged")
        return decode_summary(values[0][0]) if values else StoreSummary()


def is_damage(error: Exception) -> bool:
    """Return whether the file must be quarantined; False if only the disk fails, and the file may be whole."""
    return not getattr(error, "sqlite_errorname", "").startswith(_DISK_FAULTS)


def is_full_disk(error: Exception) -> bool:
    """Return whether the disk had no room; what is stored is as it was."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
