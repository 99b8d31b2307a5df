"""The model store of a device: its versions, its downloads, its ledger, and what becomes of them after a power cut.

::

    ledger.json           what is in use, what is on its way in, what has failed
    versions/<sha256>/    a version: envelope.json, and the files of its manifest
    incoming/.<id>.part   the download of a deployment
    current, previous     links to versions, which follow the ledger

Nothing takes its name before its content is durable, and the ledger names nothing before its name is durable. So after a power cut
the ledger is right, what it names is whole, and what it does not name may be removed. One process at a time has the store
(`edged.updates.store.lock`).
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from edged.errors import BundleError, StoreError, UpdateError
from edged.host.files import FileSystem, replace_file, temporary_path, write_new_file
from edged.updates.rules.deployment import referenced_versions
from edged.updates.rules.ledger import MAX_LEDGER_BYTES, Ledger, decode_ledger, encode_ledger
from edged.updates.store import links
from edged.updates.store.links import find_fallback_version
from edged.updates.store.versions import (
    ENVELOPE_NAME,
    VERSIONS_NAME,
    InstalledVersion,
    decode_manifest_envelope,
    is_digest,
    read_version,
)

__all__ = ["InstalledVersion", "ModelStore", "find_fallback_version"]

LEDGER_NAME = "ledger.json"
INCOMING_NAME = "incoming"
_PART_SUFFIX = ".part"

_log = logging.getLogger(__name__)


class ModelStore:
    """See the module. After a `StoreError` the same call may be made again: what it had done stays done.

    Args:
        root: the folder; it exists. The first `open` makes its name durable.
        files: the disk.
        min_free_bytes: free space that no download takes.
    """

    def __init__(self, root: Path, files: FileSystem, *, min_free_bytes: int = 0) -> None:
        self._root = root
        self._files = files
        self._min_free_bytes = min_free_bytes
        self._ledger_path = root / LEDGER_NAME
        self._versions_folder = root / VERSIONS_NAME
        self._incoming_folder = root / INCOMING_NAME

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def open(self) -> Ledger:
        """Make the store ready and finish what a crash left half done.

        Returns:
            The ledger, durable as it is. One that is damaged is set aside, and what the links and manifests say takes its place.

        Raises:
            StoreError: the disk cannot be read or written; `rescue` may still find a version.
        """
        for folder in (self._versions_folder, self._incoming_folder):
            if not self._files.exists(folder):
                self._files.make_folder(folder)
        for name in (LEDGER_NAME, links.CURRENT_LINK, links.PREVIOUS_LINK):
            self._files.remove(temporary_path(self._root / name))
        for name in self._files.list_names(self._versions_folder):
            if name.startswith("."):
                self._remove_folder(self._versions_folder / name)
        ledger = self._read_or_quarantine_ledger()
        if ledger is None:
            return self._rebuild_ledger()
        self.update_links(ledger)
        return ledger

    def read_ledger(self) -> Ledger:
        """The ledger as it stands on the disk, for those who only look.

        Raises:
            StoreError: it cannot be read, or is damaged: `open` recovers it.
        """
        if not self._files.exists(self._ledger_path):
            return Ledger()
        return decode_ledger(self._files.read(self._ledger_path, MAX_LEDGER_BYTES))

    def write_ledger(self, ledger: Ledger) -> None:
        """Write the ledger; it is durable when this returns.

        Raises:
            StoreError: it cannot be written; the old or the new one stands there, whole: `open` says which, and makes it durable.
        """
        replace_file(self._files, self._ledger_path, encode_ledger(ledger))

    def update_links(self, ledger: Ledger) -> None:
        """Let the links ``current`` and ``previous`` say what the ledger says; they are durable when this returns.

        Raises:
            StoreError: they cannot be written.
        """
        links.update_links(self._files, self._root, ledger)
        self._files.sync_folder(self._root)

    def download_path(self, id_: str) -> Path:
        """Where the download of a deployment goes."""
        return self._incoming_folder / f".{id_}{_PART_SUFFIX}"

    def append_download(self, id_: str, chunks: Iterable[bytes]) -> int:
        """Continue the download of a deployment.

        What a failure leaves there is the beginning of the whole, and can be continued.

        Returns:
            Its size; it is durable.

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
        """Put a version into the store, whole and durable, or not at all; nothing to do if it is there already.

        Args:
            digest: of the manifest in the envelope.
            envelope: of the bundle.
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
                self._unpack(new, digest, envelope, contents)
                self._remove_folder(folder)
                self._files.rename(new, folder)
            except UpdateError:
                with suppress(StoreError):
                    self._remove_folder(new)
                raise
        self._files.sync_folder(self._versions_folder)
        return folder

    def read_version(self, digest: str) -> InstalledVersion:
        """A version, after every byte of it has been compared with its manifest.

        Raises:
            BundleError: it is not there, or damaged.
            StoreError: it cannot be read.
        """
        return read_version(self._files, self._versions_folder / digest, digest)

    def list_versions(self) -> tuple[str, ...]:
        """The digests of those that are there; whether they are whole is another question."""
        return tuple(filter(is_digest, self._files.list_names(self._versions_folder)))

    def collect_garbage(self, ledger: Ledger) -> tuple[str, ...]:
        """Remove the versions and downloads that are no longer needed; what stands beside a download, by its name, goes with it.

        Returns:
            The digests of the versions that were removed.

        Raises:
            StoreError: one cannot be removed.
        """
        linked = {
            links.read_linked_digest(self._files, self._root, name)
            for name in (links.CURRENT_LINK, links.PREVIOUS_LINK)
        }
        kept = referenced_versions(ledger) | linked
        needless = tuple(digest for digest in self.list_versions() if digest not in kept)
        for digest in needless:
            self._remove_folder(self._versions_folder / digest)
        ours = {self.download_path(ledger.deployment.id).name} if ledger.deployment else set[str]()
        for name in self._files.list_names(self._incoming_folder):
            # Whoever drops bundles into this folder has other names for them, while they are copied and then.
            part, found, _ = name.partition(_PART_SUFFIX)
            if name.startswith(".") and found and f"{part}{found}" not in ours:
                self._files.remove(self._incoming_folder / name)
        return needless

    def ensure_free_space(self, size_bytes: int) -> None:
        """See that so much more would leave the reserve alone.

        Raises:
            StoreError: it would not.
        """
        free = self._files.free_bytes(self._root)
        if free - size_bytes < self._min_free_bytes:
            raise StoreError(
                f"no room for {size_bytes} bytes in {self._root}: {free} are free, "
                f"and {self._min_free_bytes} of them stay so; make room, then it goes on"
            )

    def _read_or_quarantine_ledger(self) -> Ledger | None:
        """None if there is none, or only a damaged one, which is set aside then."""
        if not self._files.exists(self._ledger_path):
            return None
        damage = f"it is larger than {MAX_LEDGER_BYTES} bytes"
        if self._files.size(self._ledger_path) <= MAX_LEDGER_BYTES:
            content = self._files.read(self._ledger_path, MAX_LEDGER_BYTES)
            try:
                return decode_ledger(content)
            except StoreError as error:
                damage = str(error)
        aside = self._ledger_path.with_name(f"{LEDGER_NAME}.damaged")
        _log.error("model store: %s is set aside as %s: %s", self._ledger_path, aside.name, damage)
        self._files.rename(self._ledger_path, aside)
        return None

    def _rebuild_ledger(self) -> Ledger:
        self._files.sync_folder(self._root.parent)
        ledger = links.rebuild_ledger(self._files, self._root)
        links.update_links(self._files, self._root, ledger)
        if ledger != Ledger():
            self.write_ledger(ledger)
        return ledger

    def _sync_or_remove(self, descriptor: int, path: Path) -> None:
        """After a failed sync nobody knows what of the file is on the disk, and the next sync would not tell."""
        try:
            self._files.sync(descriptor)
        except StoreError:
            with suppress(StoreError):
                self._files.remove(path)
            raise

    def _unpack(
        self,
        folder: Path,
        digest: str,
        envelope: bytes,
        contents: Iterable[tuple[str, Iterator[bytes]]],
    ) -> None:
        announced = {entry.name for entry in decode_manifest_envelope(envelope, digest).files} - {
            ENVELOPE_NAME
        }
        self._remove_folder(folder)
        self._files.make_folder(folder)
        write_new_file(self._files, folder / ENVELOPE_NAME, [envelope])
        for name, chunks in contents:
            if name not in announced:
                raise BundleError(f"{name} is not a file of version {digest[:12]}")
            write_new_file(self._files, folder / name, chunks)
        read_version(self._files, folder, digest)
        self._files.sync_folder(folder)

    def _is_intact(self, digest: str) -> bool:
        try:
            self.read_version(digest)
        except BundleError:
            return False
        return True

    def _remove_folder(self, folder: Path) -> None:
        """With its files; it may be gone already."""
        if self._files.exists(folder):
            for name in self._files.list_names(folder):
                self._files.remove(folder / name)
            self._files.remove_folder(folder)
