"""The store behind a fault barrier: the only place that handles the errors of SQLite."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edged.messaging.spool.quarantine import make_usable, quarantine
from edged.messaging.spool.salvage import salvage_rows
from edged.messaging.spool.store import STORE_ERRORS, SpoolStore, is_damage, is_full_disk

_SIDECARS = ("-wal", "-shm", "-journal")

_log = logging.getLogger(__name__)
T = TypeVar("T")


class SpoolDisk:
    """A store whose failures become a `fault`, never an exception.

    After a failure nothing is written until `open` is called again; reading is still tried. A damaged file, or anything else in its
    place, is quarantined under one fixed name (an older one is overwritten, because the disk is small); a new file is created, and
    gets every row whose checksum is right.
    """

    def __init__(self, path: Path) -> None:
        self.fault: str | None = None
        """The reason why the disk is not in use; None if it is."""
        self.quarantined_path: Path | None = None
        """The damaged file's new place; the caller sets this to None when it has reported the loss."""
        self.is_new = False
        """Whether the file was opened or replaced; the caller sets this to False when it knows the content."""
        self.damage: str | None = None
        """What was quarantined since the start, and why; None if nothing was."""
        self._path = path
        self._store: SpoolStore | None = None
        self._is_writable = False
        self._must_reopen = False
        self.open()

    def retry(self) -> None:
        """Allow writing again; open the file again, which reads all of it, only if it may have changed."""
        if self._must_reopen or self._store is None:
            self.open()
        else:
            self._is_writable = True

    def open(self) -> None:
        """Open the file again; an existing fault is cleared by the first successful write."""
        self.close()
        try:
            self._clear_way()
            self._store = SpoolStore(self._path)
        except (*STORE_ERRORS, OSError) as error:
            self._record_failure(error)
        else:
            self._is_writable = self.is_new = True

    def run(self, action: Callable[[SpoolStore], T], default: T) -> T:
        """Return the result of `action`, or `default` if the disk fails or could not be opened."""
        if self._store is None:
            return default
        try:
            return action(self._store)
        except STORE_ERRORS as error:
            self._record_failure(error)
            return default

    def write(self, action: Callable[[SpoolStore], None]) -> bool:
        """Run an action that changes the store; return False if the change did not become durable."""

        def run_action(store: SpoolStore) -> bool:
            action(store)
            return True

        if not self._is_writable or not self.run(run_action, default=False):
            return False
        if self.fault:
            _log.info("spool: %s is writable again", self._path)
        self.fault = None
        return True

    def close(self) -> None:
        """Close the file."""
        self._is_writable = False
        if self._store is not None:
            self._store.close()
            self._store = None

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
        if fault != self.fault:
            _log.error("spool: %s", fault)
        self.fault = fault
        self._is_writable = False
        self._must_reopen = not is_full_disk(error)

    def _replace_damaged(self, cause: Exception) -> None:
        self.close()
        try:
            quarantined = quarantine(self._path)
            self._move_sidecars(quarantined)
            self._store = self._make_replacement(quarantined)
        except (*STORE_ERRORS, OSError) as error:
            self._record_failure(OSError(f"is damaged ({cause}) and cannot be replaced: {error}"))
            return
        self._is_writable = self.is_new = True
        self._record_quarantine(quarantined, f"{self._path} was damaged ({cause})")

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
        self.quarantined_path = quarantined
        self.damage = f"{what}; it was quarantined as {quarantined}"
        _log.error("spool: %s", self.damage)

    def _sidecar(self, suffix: str) -> Path:
        return _with_suffix(self._path, suffix)


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _move_if_present(source: Path, target: Path) -> None:
    if source.exists():
        source.replace(target)
