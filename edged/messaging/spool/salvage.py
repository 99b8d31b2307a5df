"""What can still be read from a damaged file: every row whose checksum is right."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from edged.errors import SpoolDamageError
from edged.messaging.spool.item import COLUMNS, SpoolItem, read_row
from edged.messaging.spool.schema import MAX_NUMBER
from edged.messaging.spool.store import SpoolStore

_GROUP_SIZE = 500
_OLD_COLUMNS = COLUMNS.removesuffix(", checksum")
"""The columns of the version that wrote no checksums."""


def salvage_rows(damaged: Path, store: SpoolStore) -> None:
    """Copy the undamaged rows of the file `damaged`, which is not changed, to the empty `store`.

    Raises:
        sqlite3.Error: `store` cannot be written.
        SpoolDamageError: `store` is damaged.
    """
    known: set[int] = set()
    rows = (item for item in _read_rows(damaged) if item.seq not in known)
    running_ns = next_seq = 0
    while group := list(islice(rows, _GROUP_SIZE)):
        unique = {item.seq: item for item in group}
        known.update(unique)
        running_ns = max(running_ns, *(item.created_ns for item in group))
        next_seq = max(next_seq, *(seq + 1 for seq in unique))
        store.commit([*unique.values()], (), next_seq=next_seq, running_ns=running_ns)


def _read_rows(damaged: Path) -> Iterator[SpoolItem]:
    """Yield the rows from both ends: a damaged page in the middle ends each scan."""
    try:
        db = sqlite3.connect(f"file:{quote(str(damaged))}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error:
        return
    try:
        db.text_factory = bytes
        for order in ("ASC", "DESC"):
            for columns, is_old in ((COLUMNS, False), (_OLD_COLUMNS, True)):
                yield from _read_undamaged(db, columns, order, is_old=is_old)
    except sqlite3.Error:
        return
    finally:
        db.close()
        _remove_reading_files(damaged)


def _read_undamaged(
    db: sqlite3.Connection, columns: str, order: str, *, is_old: bool
) -> Iterator[SpoolItem]:
    """Yield the undamaged rows until the first that cannot be read; the names of the columns may be damaged as well."""
    query = (
        f"WITH found({columns}) AS (SELECT * FROM message) SELECT * FROM found ORDER BY seq {order}"  # noqa: S608 (constants)
    )
    try:
        ((version,),) = db.execute("PRAGMA user_version").fetchall()
        for row in db.execute(query) if version == 0 or not is_old else ():
            with suppress(SpoolDamageError):
                item = read_row((*row, None) if is_old else row, may_lack_checksum=is_old)
                if 0 < item.seq < MAX_NUMBER:
                    yield item
    except (sqlite3.Error, UnicodeDecodeError):
        return


def _remove_reading_files(damaged: Path) -> None:
    """Delete what SQLite created for reading."""
    damaged.with_name(f"{damaged.name}-shm").unlink(missing_ok=True)
    log = damaged.with_name(f"{damaged.name}-wal")
    if log.exists() and log.stat().st_size == 0:
        log.unlink()
