"""The ledger file, and the links ``current`` and ``previous``: a second record of the committed versions, for a ledger that is lost.

The ledger leads: it is durable first, then the links follow.
"""

import logging
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from edged.errors import BundleError, StoreError
from edged.host.files import FileSystem, replace_file, temporary_path
from edged.updates.rules.ledger import (
    FACTORY,
    MAX_LEDGER_BYTES,
    Ledger,
    decode_ledger,
    encode_ledger,
)
from edged.updates.store.versions import VERSIONS_NAME, is_digest, read_version_manifest

CURRENT_LINK = "current"
PREVIOUS_LINK = "previous"


def update_links(files: FileSystem, root: Path, ledger: Ledger) -> None:
    """Make the links agree with the ledger; they are durable after `sync_folder`.

    Args:
        files: the disk.
        root: the store's folder.
        ledger: the present ledger.

    Raises:
        StoreError: they cannot be written.
    """
    for name, digest in ((CURRENT_LINK, ledger.current), (PREVIOUS_LINK, ledger.previous)):
        path, target = root / name, f"{VERSIONS_NAME}/{digest}"
        if digest == FACTORY:
            files.remove(path)
        elif files.read_link(path) != target:
            new = temporary_path(path)
            files.remove(new)
            files.make_link(target, new)
            files.rename(new, path)


def read_linked_versions(files: FileSystem, root: Path) -> tuple[str, str]:
    """Return the digests to which the links lead, current and previous; `FACTORY` for a link that leads to no version.

    Raises:
        StoreError: they cannot be read.
    """
    current, previous = (
        _read_linked_digest(files, root / name) for name in (CURRENT_LINK, PREVIOUS_LINK)
    )
    return current, previous


def rebuild_ledger(files: FileSystem, root: Path) -> Ledger:
    """Return what the links, and the manifests to which they lead, still say of a lost ledger; nothing is written.

    A version whose manifest is damaged is left out. The security floor is the highest epoch of the manifests, as it was in the ledger.
    Earlier failures are forgotten.

    Raises:
        StoreError: they cannot be read.
    """
    found, epoch, counters = list[str](), 0, dict[str, int]()
    for digest in dict.fromkeys(read_linked_versions(files, root)):
        if digest == FACTORY:
            continue
        with suppress(BundleError):
            manifest = read_version_manifest(files, root / VERSIONS_NAME / digest, digest)
            found.append(digest)
            epoch = max(epoch, manifest.epoch)
            counters[manifest.name] = max(counters.get(manifest.name, 0), manifest.counter)
    current, previous, *_ = *found, FACTORY, FACTORY
    return Ledger(current=current, previous=previous, epoch=epoch, counters=counters)


def _read_linked_digest(files: FileSystem, path: Path) -> str:
    folder, _, digest = (files.read_link(path) or "").partition("/")
    return digest if folder == VERSIONS_NAME and is_digest(digest) else FACTORY


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
        ledger = rebuild_ledger(self._files, self._root)
        update_links(self._files, self._root, ledger)
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
        ledger = rebuild_ledger(self._files, self._root)
        current, previous = read_linked_versions(self._files, self._root)
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
        update_links(self._files, self._root, ledger)
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
