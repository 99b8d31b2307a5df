"""The SQLite file of the queue: how it is opened, created, checked, and taken over from an older version."""

import secrets
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edged.errors import SpoolDamageError
from edged.messaging.spool.item import COLUMNS, compute_checksum, read_row

_VERSION = 1
"""Value of user_version. Version 0 had no checksums, and a table `state` instead of `summary`."""
_TABLES = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
    created_ns INTEGER NOT NULL, loss BLOB, checksum INTEGER
)
"""
_SUMMARY_TABLE = "CREATE TABLE IF NOT EXISTS summary (id INTEGER PRIMARY KEY, value BLOB NOT NULL)"
_SUMMARY = struct.Struct("<qqqqqqI")
_BUSY_TIMEOUT_S = 1.0
_MAX_FORMAT_VERSION = 2
MAX_NUMBER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """The content of the store as of its last commit.

    Attributes:
        count: number of messages.
        seq_xor: all sequence numbers of messages, combined by exclusive or: shows that one is missing.
        next_seq: the number after the highest known at the last commit; 0 if nothing was ever committed.
        running_ns: the running time at the last commit.
        store_id: a random number of this file, so that another file in its place is recognised; 0 before the first commit.
        generation: number of commits.
    """

    count: int = 0
    seq_xor: int = 0
    next_seq: int = 0
    running_ns: int = 0
    store_id: int = 0
    generation: int = 0

    def encode(self) -> bytes:
        """Return the values with a checksum."""
        values = (self.count, self.seq_xor, self.next_seq, self.running_ns)
        body = _SUMMARY.pack(*values, self.store_id, self.generation, 0)[:-4]
        return body + zlib.crc32(body).to_bytes(4, "little")


def decode_summary(value: bytes) -> StoreSummary:
    """Return the summary that `StoreSummary.encode` made.

    Raises:
        SpoolDamageError: it is damaged.
    """
    if not isinstance(value, bytes) or len(value) != _SUMMARY.size:
        raise SpoolDamageError("its summary is damaged")
    *values, checksum = _SUMMARY.unpack(value)
    if checksum != zlib.crc32(value[:-4]):
        raise SpoolDamageError("its summary is damaged")
    return StoreSummary(*values)


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file in WAL mode, with durable commits; text is read as bytes. An older version's file is taken over.

    Raises:
        SpoolDamageError: it is damaged, or not a spool of this version.
        sqlite3.Error: it is damaged, or the disk fails.
    """
    _check_header(path)
    db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        db.text_factory = bytes
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 4194304")
        _check_structure(db)
        _bring_up_to_date(db)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run the body in one durable transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def make_store_id() -> int:
    """Return a random number that is not 0."""
    return secrets.randbits(62) | 1


def write_summary(db: sqlite3.Connection, summary: StoreSummary) -> None:
    """Write the summary; the caller holds a transaction."""
    db.execute("INSERT OR REPLACE INTO summary VALUES (1, ?)", (summary.encode(),))


def _check_header(path: Path) -> None:
    """Refuse a file that SQLite would open for reading only, because of a format version that it does not know.

    https://www.sqlite.org/fileformat2.html, section 1.3.3.
    """
    with suppress(FileNotFoundError), path.open("rb") as file:
        if any(version > _MAX_FORMAT_VERSION for version in file.read(20)[18:]):
            raise SpoolDamageError("its header has an unknown format version")


def _check_structure(db: sqlite3.Connection) -> None:
    ((answer,),) = db.execute("PRAGMA quick_check(1)").fetchall()
    if answer != b"ok":
        raise SpoolDamageError(answer.decode(errors="replace").replace("\n", " "))


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    ((version,),) = db.execute("PRAGMA user_version").fetchall()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version not in (0, _VERSION) or (version == 0 and tables and b"message" not in tables):
        raise SpoolDamageError(f"its tables are not of this version of edged (schema {version})")
    if b"state" in tables:
        _take_over(db)
    elif version == 0:
        with transaction(db):
            db.execute(_TABLES)
            db.execute(_SUMMARY_TABLE)
            db.execute(f"PRAGMA user_version = {_VERSION}")


def _take_over(db: sqlite3.Connection) -> None:
    """Add what an older version, which has written the file last, did not write."""
    columns = {row[1] for row in db.execute("PRAGMA table_info(message)")}
    with transaction(db):
        if b"checksum" not in columns:
            db.execute("ALTER TABLE message ADD COLUMN checksum INTEGER")
        seqs = [seq for (seq,) in db.execute("SELECT seq FROM message ORDER BY seq")]
        seq_xor = 0
        for seq in seqs:
            _add_checksum(db, seq)
            seq_xor ^= seq
        state = dict(db.execute("SELECT name, value FROM state").fetchall())
        next_seq = max([state.get(b"next_seq", 0), *(seq + 1 for seq in seqs[-1:])])
        running_ns = state.get(b"running_ns", 0)
        if not (0 <= next_seq <= MAX_NUMBER and 0 <= running_ns < 2**62):
            raise SpoolDamageError("its state is damaged")
        db.execute(_SUMMARY_TABLE)
        write_summary(
            db, StoreSummary(len(seqs), seq_xor, next_seq, running_ns, make_store_id(), 1)
        )
        db.execute("DROP TABLE state")
        db.execute(f"PRAGMA user_version = {_VERSION}")


def _add_checksum(db: sqlite3.Connection, seq: int) -> None:
    query = f"SELECT {COLUMNS} FROM message WHERE seq = ?"  # noqa: S608 (constant)
    (row,) = db.execute(query, (seq,)).fetchall()
    item = read_row(row, may_lack_checksum=True)
    db.execute("UPDATE message SET checksum = ? WHERE seq = ?", (compute_checksum(item), item.seq))
