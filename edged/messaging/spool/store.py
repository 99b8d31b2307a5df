"""The queue's rows in SQLite, and how messages become durable."""

import sqlite3
from collections.abc import Collection, Iterable
from functools import reduce
from operator import xor
from pathlib import Path

from edged.errors import SpoolDamageError
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

MessageSize = tuple[int, int]
"""A message's number and the bytes of its payload."""


class SpoolStore:
    """A SQLite file in WAL mode; one thread uses it. Every method may raise `STORE_ERRORS`."""

    def __init__(self, path: Path) -> None:
        """Open the file and read all of it, because a damaged row must be known before its neighbours are sent."""
        self.summary = StoreSummary()
        """The content as of the last commit."""
        self.size_bytes = 0
        """Payload bytes of all messages when the file was opened."""
        self._db = open_database(path)
        try:
            self._verify()
        except BaseException:
            self._db.close()
            raise

    def commit(
        self, add: Collection[SpoolItem], remove: Collection[int], *, next_seq: int, running_ns: int
    ) -> None:
        """Delete and add messages in one durable transaction.

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

    def read_after(self, seq: int, limit: int) -> list[SpoolItem]:
        """Return at most `limit` messages with a number above `seq`, ascending."""
        rows = self._db.execute(f"{_SELECT} WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
        return [read_row(row) for row in rows]

    def read_seqs(self) -> list[int]:
        """Return the numbers of all messages, ascending."""
        return [seq for (seq,) in self._db.execute("SELECT seq FROM message ORDER BY seq")]

    def read_sizes_of(self, seqs: Iterable[int]) -> dict[int, int]:
        """Return the payload bytes of those of the messages `seqs` that are stored, by number."""
        query = "SELECT seq, length(payload) FROM message WHERE seq = ?"
        return dict(row for seq in seqs for row in self._db.execute(query, (seq,)))

    def read_gaps(self) -> list[SpoolItem]:
        """Return the gap records, ascending."""
        rows = self._db.execute(f"{_SELECT} WHERE rank = ? ORDER BY seq", (int(Rank.GAP),))
        return [read_row(row) for row in rows]

    def read_sizes(self, rank: Rank) -> list[MessageSize]:
        """Return (number, payload bytes) of every message of one rank, ascending."""
        return self._db.execute(
            "SELECT seq, length(payload) FROM message WHERE rank = ? ORDER BY seq", (int(rank),)
        ).fetchall()

    def read_created_before(self, created_ns: int) -> list[MessageSize]:
        """Return (number, payload bytes) of every message, gap records excepted, made before `created_ns` of running time."""
        return self._db.execute(
            "SELECT seq, length(payload) FROM message WHERE created_ns < ? AND rank < ? ORDER BY seq",
            (created_ns, int(Rank.GAP)),
        ).fetchall()

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

    def _verify(self) -> None:
        """Read every row and compare with the summary."""
        count = seq_xor = 0
        for row in self._db.execute(f"{_SELECT} ORDER BY seq"):
            item = read_row(row)
            count += 1
            seq_xor ^= item.seq
            self.size_bytes += len(item.payload)
        values = self._db.execute("SELECT value FROM summary").fetchall()
        if len(values) > 1:
            raise SpoolDamageError("its summary is damaged")
        self.summary = decode_summary(values[0][0]) if values else StoreSummary()
        if (count, seq_xor) != (self.summary.count, self.summary.seq_xor):
            raise SpoolDamageError(
                f"it holds {count} messages, not the {self.summary.count} that were stored"
            )


def is_damage(error: Exception) -> bool:
    """Return whether the file must be quarantined; False if only the disk fails, and the file may be whole."""
    return not getattr(error, "sqlite_errorname", "").startswith(_DISK_FAULTS)


def is_full_disk(error: Exception) -> bool:
    """Return whether the disk had no room; what is stored is as it was."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
