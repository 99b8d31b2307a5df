"""The store behind a fault barrier: the only place that handles the errors of SQLite. Only the disk's jobs use it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edged.messaging.spool.quarantine import make_usable, quarantine
from edged.messaging.spool.salvage import salvage_rows
from edged.messaging.spool.store import (
    STORE_ERRORS,
    SpoolStore,
    StoreContent,
    is_damage,
    is_full_disk,
)

_SIDECARS = ("-wal", "-shm", "-journal")

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """How a job has left the store.

    Attributes:
        fault: the reason why the disk is not in use; None if it is.
        damage: what was quarantined since the start, and why; None if nothing was.
        is_writable: whether a commit may be tried.
        must_reopen: whether the file may hold something else than is known, which only opening it again will show.
        content: what the file holds, if it was opened or replaced since the last state; otherwise None.
    """

    fault: str | None
    damage: str | None
    is_writable: bool
    must_reopen: bool
    content: StoreContent | None


class SpoolDisk:
    """A store whose failures become a fault, never an exception.

    After a failure nothing is written until `retry` is called; reading is still tried. A damaged file, or anything else in its
    place, is quarantined under one fixed name (an older one is overwritten, because the disk is small); a new file is created, and
    gets every row whose checksum is right.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: SpoolStore | None = None
        self._fault: str | None = None
        self._damage: str | None = None
        self._content: StoreContent | None = None
        self._is_quarantined = False
        self._is_writable = False
        self._is_replaced = False
        self._must_reopen = True

    def take_state(self) -> StoredState:
        """Return how the store is now; the content is handed out once."""
        content, self._content = self._content, None
        return StoredState(
            fault=self._fault,
            damage=self._damage,
            is_writable=self._is_writable,
            must_reopen=self._must_reopen,
            content=content,
        )

    def open(self) -> None:
        """Open the file, or open it again; an existing fault is cleared by the first successful write."""
        self.close()
        self._is_replaced = False
        try:
            self._clear_way()
            self._load(SpoolStore(self._path))
        except (*STORE_ERRORS, OSError) as error:
            self._record_failure(error)

    def retry(self) -> None:
        """Allow writing again; open the file again, which reads all of it, only if it may have changed."""
        if self._must_reopen or self._store is None:
            self.open()
        else:
            self._is_writable = True

    def read(self, action: Callable[[SpoolStore], T]) -> T | None:
        """Return the result of `action`, or None if the disk fails or could not be opened."""
        if self._store is None:
            return None
        try:
            return action(self._store)
        except STORE_ERRORS as error:
            self._record_failure(error)
            return None

    def write(self, action: Callable[[SpoolStore], T]) -> T | None:
        """Return the result of an action that changes the store, or None if the change did not become durable."""
        result = self.read(action) if self._is_writable else None
        if result is not None:
            if self._fault:
                _log.info("spool: %s is writable again", self._path)
            self._fault = None
            self._is_replaced = False
        return result

    def close(self) -> None:
        """Close the file."""
        self._is_writable = False
        if self._store is not None:
            self._store.close()
            self._store = None

    def _load(self, store: SpoolStore) -> None:
        try:
            self._content = store.load(is_damaged=self._is_quarantined)
        except BaseException:
            store.close()
            raise
        self._store = store
        self._is_quarantined = self._must_reopen = False
        self._is_writable = True

    def _clear_way(self) -> None:
        for suffix in ("", *_SIDECARS):
            path = self._sidecar(suffix)
            moved = make_usable(path)
            if moved is not None:
                self._record_quarantine(moved, f"{path} was not a file")

    def _record_failure(self, error: Exception) -> None:
        if not isinstance(error, OSError) and is_damage(error):
            self._replace_damaged(error)
            return
        fault = (
            f"{self._path}: {error}; messages stay in memory, and are lost if edged stops before the disk works, which is"
            " retried every 30 s"
        )
        if fault != self._fault:
            _log.error("spool: %s", fault)
        self._fault = fault
        self._is_writable = False
        self._must_reopen = not is_full_disk(error)

    def _replace_damaged(self, cause: Exception) -> None:
        self.close()
        if self._is_replaced:  # nothing could be written since: do not go on for ever
            self._record_failure(OSError(f"is damaged again ({cause})"))
            return
        try:
            quarantined = quarantine(self._path)
            self._move_sidecars(quarantined)
            replacement = self._make_replacement(quarantined)
        except (*STORE_ERRORS, OSError) as error:
            self._record_failure(OSError(f"is damaged ({cause}) and cannot be replaced: {error}"))
            return
        self._is_replaced = True
        self._record_quarantine(quarantined, f"{self._path} was damaged ({cause})")
        try:
            self._load(replacement)
        except STORE_ERRORS as error:
            self._record_failure(error)

    def _make_replacement(self, quarantined: Path) -> SpoolStore:
        """Return a new store with what can be read; if it cannot be made, the damaged file returns to its place."""
        store: SpoolStore | None = None
        try:
            store = SpoolStore(self._path)
            salvage_rows(quarantined, store)
        except (*STORE_ERRORS, OSError):
            if store is not None:
                store.close()
            for suffix in _SIDECARS:
                self._sidecar(suffix).unlink(missing_ok=True)
            quarantined.replace(self._path)
            _move_if_present(_with_suffix(quarantined, "-wal"), self._sidecar("-wal"))
            raise
        return store

    def _move_sidecars(self, quarantined: Path) -> None:
        _with_suffix(quarantined, "-wal").unlink(missing_ok=True)
        _move_if_present(self._sidecar("-wal"), _with_suffix(quarantined, "-wal"))
        for suffix in _SIDECARS:
            self._sidecar(suffix).unlink(missing_ok=True)

    def _record_quarantine(self, quarantined: Path, what: str) -> None:
        self._is_quarantined = True
        self._damage = f"{what}; it was quarantined as {quarantined}"
        _log.error("spool: %s", self._damage)

    def _sidecar(self, suffix: str) -> Path:
        return _with_suffix(self._path, suffix)


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _move_if_present(source: Path, target: Path) -> None:
    if source.exists():
        source.replace(target)
