"""The queue's SQLite tables, and how messages become durable."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
    created_ns INTEGER NOT NULL, loss BLOB
);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "seq, rank, topic, payload, created_ns, loss"
_BUSY_TIMEOUT_S = 1.0

MessageSize = tuple[int, int]
"""A message's number and the bytes of its payload."""


class Rank(IntEnum):
    """The importance of a message; the lowest is given up first when there is no room."""

    UPDATE = 0
    EVENT = 1
    GAP = 2


@dataclass(frozen=True, slots=True)
class SpoolItem:
    """A queued message.

    Attributes:
        seq: its number.
        rank: its importance.
        topic: where it is published.
        payload: the bytes that are sent.
        created_ns: running time at which it was made.
        loss: for a gap record, the `MessageLoss` as JSON, so that a later record can include it; otherwise None.
    """

    seq: int
    rank: Rank
    topic: str
    payload: bytes
    created_ns: int
    loss: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """The size of the store, and its state at the last commit.

    Attributes:
        count: number of messages.
        size_bytes: payload bytes of all messages.
        next_seq: the number after the highest known at the last commit; 0 if nothing was ever committed.
        running_ns: the running time at the last commit.
    """

    count: int
    size_bytes: int
    next_seq: int
    running_ns: int


class SpoolStore:
    """A SQLite file in WAL mode; one thread uses it. Every method may raise `sqlite3.Error`."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA journal_size_limit = 4194304")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise

    def read_summary(self) -> StoreSummary:
        """Count and measure all messages, and read the state."""
        count, size, last = self._db.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0), coalesce(max(seq), -1) FROM message"
        ).fetchone()
        state = dict(self._db.execute("SELECT name, value FROM state").fetchall())
        next_seq = max(last + 1, state.get("next_seq", 0))
        return StoreSummary(count, size, next_seq, state.get("running_ns", 0))

    def commit(
        self, add: Iterable[SpoolItem], remove: Collection[int], *, next_seq: int, running_ns: int
    ) -> None:
        """Add and delete messages in one durable transaction.

        Args:
            add: the messages to store.
            remove: the numbers of the messages to delete.
            next_seq: the next sequence number.
            running_ns: the running time until now.
        """
        with self._transaction():
            self._db.executemany(
                f"INSERT OR REPLACE INTO message ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 (constant)
                ((i.seq, int(i.rank), i.topic, i.payload, i.created_ns, i.loss) for i in add),
            )
            self._db.executemany("DELETE FROM message WHERE seq = ?", ((seq,) for seq in remove))
            self._db.executemany(
                "INSERT OR REPLACE INTO state VALUES (?, ?)",
                (("next_seq", next_seq), ("running_ns", running_ns)),
            )

    def read_after(self, seq: int, limit: int) -> list[SpoolItem]:
        """Return at most `limit` messages with a number above `seq`, ascending."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM message WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 (constant)
            (seq, limit),
        )
        return [_make_item(row) for row in rows]

    def read_gaps(self) -> list[SpoolItem]:
        """Return the gap records, ascending."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM message WHERE rank = ? ORDER BY seq",  # noqa: S608 (constant)
            (int(Rank.GAP),),
        )
        return [_make_item(row) for row in rows]

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

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def is_corrupt(error: sqlite3.Error) -> bool:
    """Return whether the file must be quarantined, because it is damaged or not a database."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _make_item(row: tuple[int, int, str, bytes, int, bytes | None]) -> SpoolItem:
    seq, rank, topic, payload, created_ns, loss = row
    return SpoolItem(seq, Rank(rank), topic, payload, created_ns, loss)
