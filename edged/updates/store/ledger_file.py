"""The ledger file, with the links that take its place when it is lost."""

import logging
from pathlib import Path

from msgspec.structs import replace

from edged.errors import StoreError
from edged.host.files import FileSystem, replace_file
from edged.updates.rules.ledger import MAX_LEDGER_BYTES, Ledger, decode_ledger, encode_ledger
from edged.updates.store import links

LEDGER_NAME = "ledger.json"

_log = logging.getLogger(__name__)


class LedgerFile:
    """The ledger file of a store."""

    def __init__(self, root: Path, files: FileSystem) -> None:
        """Use the file in this folder, without reading it.

        Args:
            root: the store's folder.
            files: the disk.
        """
        self._root = root
        self._files = files
        self._path = root / LEDGER_NAME

    def open(self) -> Ledger:
        """Return the ledger, durable, with links that agree with it. A damaged file is renamed, and rebuilt from links and manifests.

        Raises:
            StoreError: the disk cannot be read or written.
        """
        ledger = self._read_or_quarantine()
        if ledger is not None:
            self.update_links(ledger)
            return ledger
        self._files.sync_folder(self._root.parent)
        ledger = links.rebuild_ledger(self._files, self._root)
        links.update_links(self._files, self._root, ledger)
        if ledger != Ledger():
            self.write(ledger)
        return ledger

    def load_read_only(self) -> Ledger:
        """Return the ledger without writing anything: the file, or, if it cannot be read, what the links and manifests still say.

        A damaged version to which a link leads stays in this ledger, so that the daemon reports why it does not run.

        Raises:
            StoreError: the links cannot be read either.
        """
        try:
            return self.read()
        except StoreError as error:
            _log.error("model store: the links replace the ledger: %s", error)
        ledger = links.rebuild_ledger(self._files, self._root)
        current, previous = links.read_linked_versions(self._files, self._root)
        return replace(ledger, current=current, previous=previous)

    def read(self) -> Ledger:
        """Return the ledger as the file has it; an empty one if there is no file.

        Raises:
            StoreError: it cannot be read, or is damaged.
        """
        if not self._files.exists(self._path):
            return Ledger()
        return decode_ledger(self._files.read(self._path, MAX_LEDGER_BYTES))

    def write(self, ledger: Ledger) -> None:
        """Write the ledger; it is durable when this returns.

        Raises:
            StoreError: it cannot be written; the file is the old or the new one, complete.
        """
        replace_file(self._files, self._path, encode_ledger(ledger))

    def update_links(self, ledger: Ledger) -> None:
        """Make the links agree with the ledger; they are durable when this returns.

        Raises:
            StoreError: they cannot be written.
        """
        links.update_links(self._files, self._root, ledger)
        self._files.sync_folder(self._root)

    def _read_or_quarantine(self) -> Ledger | None:
        """Return None if there is no ledger, or a damaged one, which is renamed then."""
        if not self._files.exists(self._path):
            return None
        damage = f"it is larger than {MAX_LEDGER_BYTES} bytes"
        if self._files.size(self._path) <= MAX_LEDGER_BYTES:
            content = self._files.read(self._path, MAX_LEDGER_BYTES)
            try:
                return decode_ledger(content)
            except StoreError as error:
                damage = str(error)
        damaged_path = self._path.with_name(f"{LEDGER_NAME}.damaged")
        self._files.rename(self._path, damaged_path)
        _log.error("model store: %s was renamed to %s: %s", self._path, damaged_path.name, damage)
        return None
