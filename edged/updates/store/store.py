"""The model store: the versions of models on this device, and the ledger of their deployments.

::

    ledger.json              see `edged.updates.rules.ledger`
    current -> versions/…    the links repeat the committed versions, for a ledger that is lost
    previous -> versions/…
    versions/DIGEST/         see `edged.updates.store.versions`
    incoming/.ID.part        the download of a deployment
    accepted-models          what the vision workers need not test again (`edged.model.acceptance_record`); it may be removed

A file or folder receives its name only when its content is durable, and the ledger refers only to names that are durable. After a power
cut the ledger is therefore right, every version that it refers to is complete, and everything else may be removed. One process at a time
owns the store (`edged.updates.store.lock`).
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from edged.errors import BundleError, StoreError, UpdateError
from edged.host.files import FileSystem, temporary_path
from edged.updates.rules.ledger import Ledger, referenced_versions
from edged.updates.store.ledger_file import (
    CURRENT_LINK,
    LEDGER_NAME,
    PREVIOUS_LINK,
    LedgerFile,
    read_linked_versions,
)
from edged.updates.store.versions import (
    VERSIONS_NAME,
    InstalledVersion,
    is_digest,
    read_version,
    write_version,
)

INCOMING_NAME = "incoming"
ACCEPTANCES_NAME = "accepted-models"
_PART_SUFFIX = ".part"
_DOWNLOAD_NAME = re.compile(r"(\.{1,2}\w+\.part)(?:\.etag(?:\.new)?)?")
"""A download, its etag file, and the file that replaces that."""


class ModelStore:
    """The model store in one folder. After a `StoreError` the same call may be repeated: the steps that were done stay done.

    Args:
        root: the folder; it exists. The first `open` makes its name durable.
        files: the disk.
        min_free_bytes: free space that no download uses, bytes.
    """

    def __init__(self, root: Path, files: FileSystem, *, min_free_bytes: int = 0) -> None:
        self._root = root
        self._files = files
        self._min_free_bytes = min_free_bytes
        self._ledger_file = LedgerFile(root, files)
        self._versions_folder = root / VERSIONS_NAME
        self._incoming_folder = root / INCOMING_NAME

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self._root

    def open(self) -> Ledger:
        """Make the store ready, and finish what a crash interrupted.

        Returns:
            The ledger, durable. A damaged one is renamed, and rebuilt from the links and manifests.

        Raises:
            StoreError: the disk cannot be read or written; `load_read_only` may still work.
        """
        for folder in (self._versions_folder, self._incoming_folder):
            if not self._files.exists(folder):
                self._files.make_folder(folder)
        for name in (LEDGER_NAME, CURRENT_LINK, PREVIOUS_LINK):
            self._files.remove(temporary_path(self._root / name))
        for name in self._files.list_names(self._versions_folder):
            if name.startswith("."):
                self._remove_folder(self._versions_folder / name)
        return self._ledger_file.open()

    def load_read_only(self) -> Ledger:
        """Return the ledger without writing anything; see `edged.updates.store.ledger_file.LedgerFile.load_read_only`.

        Raises:
            StoreError: neither the ledger nor the links can be read.
        """
        return self._ledger_file.load_read_only()

    def read_ledger(self) -> Ledger:
        """Return the ledger as the file has it; an empty one if there is no file.

        Raises:
            StoreError: it cannot be read, or is damaged: `open` recovers it.
        """
        return self._ledger_file.read()

    def write_ledger(self, ledger: Ledger) -> None:
        """Write the ledger; it is durable when this returns.

        Raises:
            StoreError: it cannot be written; the file is the old or the new one, complete: `open` reads it, and makes it durable.
        """
        self._ledger_file.write(ledger)

    def update_links(self, ledger: Ledger) -> None:
        """Make the links ``current`` and ``previous`` agree with the ledger; they are durable when this returns.

        Raises:
            StoreError: they cannot be written.
        """
        self._ledger_file.update_links(ledger)

    def download_path(self, id_: str) -> Path:
        """Return the path of a deployment's download."""
        return self._incoming_folder / f".{id_}{_PART_SUFFIX}"

    def append_download(self, id_: str, chunks: Iterable[bytes]) -> int:
        """Continue the download of a deployment; after a failure the part that was written stays, and can be continued.

        Returns:
            Its size, bytes; it is durable.

        Raises:
            StoreError: it cannot be written.
        """
        path = self.download_path(id_)
        descriptor = self._files.open_for_append(path)
        try:
            for chunk in chunks:
                self._files.write(descriptor, chunk)
            self._sync_or_remove(descriptor, path)
        finally:
            self._files.close(descriptor)
        self._files.sync_folder(self._incoming_folder)
        return self._files.size(path)

    def add_version(
        self, digest: str, envelope: bytes, contents: Iterable[tuple[str, Iterator[bytes]]]
    ) -> Path:
        """Add a version, complete and durable, or not at all; nothing is written if it is there already, undamaged.

        Args:
            digest: digest of the manifest in the envelope.
            envelope: envelope of the bundle.
            contents: the files of the manifest, by name.

        Returns:
            Its folder.

        Raises:
            BundleError: the contents are not those of the manifest.
            StoreError: it cannot be written.
        """
        folder = self._versions_folder / digest
        if not self._is_intact(digest):
            new = temporary_path(folder)
            try:
                self._remove_folder(new)
                write_version(self._files, new, digest, envelope=envelope, contents=contents)
                self._remove_folder(folder)
                self._files.rename(new, folder)
            except UpdateError:
                with suppress(StoreError):
                    self._remove_folder(new)
                raise
        self._files.sync_folder(self._versions_folder)
        return folder

    def read_version(self, digest: str) -> InstalledVersion:
        """Return a version after comparing every byte of it with its manifest.

        Raises:
            BundleError: it is missing or damaged.
            StoreError: it cannot be read.
        """
        return read_version(self._files, self._versions_folder / digest, digest)

    def list_versions(self) -> tuple[str, ...]:
        """Return the digests of the versions in the store, damaged ones included.

        Raises:
            StoreError: the folder cannot be read.
        """
        return tuple(filter(is_digest, self._files.list_names(self._versions_folder)))

    def collect_garbage(self, ledger: Ledger) -> tuple[str, ...]:
        """Remove the versions and downloads that the ledger does not need, and return the digests of the removed versions.

        Raises:
            StoreError: one cannot be removed.
        """
        linked = {*read_linked_versions(self._files, self._root)}
        needed = referenced_versions(ledger) | linked
        removed = tuple(digest for digest in self.list_versions() if digest not in needed)
        for digest in removed:
            self._remove_folder(self._versions_folder / digest)
        part_name = self.download_path(ledger.deployment.id).name if ledger.deployment else None
        for name in self._files.list_names(self._incoming_folder):
            # The bundles that people copy here have other names, also while they are being copied.
            download = _DOWNLOAD_NAME.fullmatch(name)
            if download and download[1] != part_name:
                self._files.remove(self._incoming_folder / name)
        return removed

    def ensure_free_space(self, size_bytes: int) -> None:
        """Check that a write of this size leaves the reserve free.

        Raises:
            StoreError: it does not.
        """
        free = self._files.free_bytes(self._root)
        if free - size_bytes < self._min_free_bytes:
            raise StoreError(
                f"no space for {size_bytes} bytes in {self._root}: {free} bytes are free, "
                f"and {self._min_free_bytes} of them are reserved; free some, and the update continues"
            )

    def _sync_or_remove(self, descriptor: int, path: Path) -> None:
        """Sync a file; after a failed sync its content is unknown, and the next sync would not report that."""
        try:
            self._files.sync(descriptor)
        except StoreError:
            with suppress(StoreError):
                self._files.remove(path)
            raise

    def _is_intact(self, digest: str) -> bool:
        try:
            self.read_version(digest)
        except BundleError:
            return False
        return True

    def _remove_folder(self, folder: Path) -> None:
        """Remove a folder with its files, if it is there."""
        if self._files.exists(folder):
            for name in self._files.list_names(folder):
                self._files.remove(folder / name)
            self._files.remove_folder(folder)
