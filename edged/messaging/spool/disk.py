"""The store, and what becomes of it when the disk fails: one place that knows `sqlite3.Error`."""

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
    """Runs actions on the store; a failure is a `fault`, never an exception.

    After a failure nothing is written until `open` is called again; what can be read is still read. A damaged file is
    set aside under one fixed name (an older one is overwritten: the disk is small), and a new one is begun.
    """

    def __init__(self, path: Path) -> None:
        self.fault = ""
        self.quarantined_path: Path | None = None
        """Where a damaged file was put; whoever has told of it sets this to None."""
        self._path = path
        self._store: SpoolStore | None = None
        self._is_writable = False
        self.open()

    def open(self) -> None:
        """Open the file anew; a fault stays until something could be written."""
        self.close()
        try:
            self._store = SpoolStore(self._path)
            self._store.read_summary()
        except (sqlite3.Error, OSError) as error:
            self._record_failure(error)
        else:
            self._is_writable = True

    def run(self, action: Callable[[SpoolStore], T], default: T) -> T:
        """What `action` gives, or `default` if the disk fails or has failed to open."""
        if self._store is None:
            return default
        try:
            return action(self._store)
        except sqlite3.Error as error:
            self._record_failure(error)
            return default

    def write(self, action: Callable[[SpoolStore], None]) -> bool:
        """Run a change; False if it did not become durable."""

        def done(store: SpoolStore) -> bool:
            action(store)
            return True

        if not self._is_writable or not self.run(done, default=False):
            return False
        if self.fault:
            _log.info("spool: %s is in use again", self._path)
        self.fault = ""
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._is_writable = False
        if self._store is not None:
            self._store.close()
            self._store = None

    def _record_failure(self, error: sqlite3.Error | OSError) -> None:
        if isinstance(error, sqlite3.Error) and is_corrupt(error):
            self._replace_corrupt(error)
            return
        fault = f"{self._path}: {error}; messages are kept in memory"
        if fault != self.fault:
            _log.error("spool: %s", fault)
        self.fault = fault
        self._is_writable = False

    def _replace_corrupt(self, cause: sqlite3.Error) -> None:
        aside = self._path.with_name(f"{self._path.name}.corrupt")
        self.close()
        try:
            self._path.replace(aside)
            for suffix in _SIDECARS:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._store = SpoolStore(self._path)
        except (sqlite3.Error, OSError) as error:
            self._record_failure(OSError(f"is damaged ({cause}) and cannot be replaced: {error}"))
            return
        self.quarantined_path = aside
        self._is_writable = True
        _log.error("spool: %s is damaged (%s); it is set aside as %s", self._path, cause, aside)
