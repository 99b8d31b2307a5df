"""The store behind a fault barrier: the only place that handles `sqlite3.Error`."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edged.messaging.spool.store import SpoolStore, is_corrupt

_SIDECARS = ("-wal", "-shm")

_log = logging.getLogger(__name__)
T = TypeVar("T")


class SpoolDisk:
    """A store whose failures become a `fault`, never an exception.

    After a failure nothing is written until `open` is called again; reading is still tried. A damaged file is quarantined under one
    fixed name (an older one is overwritten, because the disk is small), and a new file is created.
    """

    def __init__(self, path: Path) -> None:
        self.fault: str | None = None
        """The reason why the disk is not in use; None if it is."""
        self.quarantined_path: Path | None = None
        """The damaged file's new place; the caller sets this to None when it has reported the loss."""
        self._path = path
        self._store: SpoolStore | None = None
        self._is_writable = False
        self.open()

    def open(self) -> None:
        """Open the file again; an existing fault is cleared by the first successful write."""
        self.close()
        try:
            self._store = SpoolStore(self._path)
            self._store.read_summary()
        except (sqlite3.Error, OSError) as error:
            self._record_failure(error)
        else:
            self._is_writable = True

    def run(self, action: Callable[[SpoolStore], T], default: T) -> T:
        """Return the result of `action`, or `default` if the disk fails or could not be opened."""
        if self._store is None:
            return default
        try:
            return action(self._store)
        except sqlite3.Error as error:
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

    def _record_failure(self, error: sqlite3.Error | OSError) -> None:
        if isinstance(error, sqlite3.Error) and is_corrupt(error):
            self._replace_corrupt(error)
            return
        fault = (
            f"{self._path}: {error}; messages stay in memory, and the disk is retried every 30 s"
        )
        if fault != self.fault:
            _log.error("spool: %s", fault)
        self.fault = fault
        self._is_writable = False

    def _replace_corrupt(self, cause: sqlite3.Error) -> None:
        quarantined = self._path.with_name(f"{self._path.name}.corrupt")
        self.close()
        try:
            self._path.replace(quarantined)
            for suffix in _SIDECARS:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._store = SpoolStore(self._path)
        except (sqlite3.Error, OSError) as error:
            self._record_failure(OSError(f"is damaged ({cause}) and cannot be replaced: {error}"))
            return
        self.quarantined_path = quarantined
        self._is_writable = True
        _log.error(
            "spool: %s is damaged (%s); it was quarantined as %s", self._path, cause, quarantined
        )
