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
from edged.host.files import Files, partial, replace, write_new
from edged.updates.rules.deployment import kept_versions
from edged.updates.rules.ledger import MOST_LEDGER_BYTES, Ledger, read_ledger, write_ledger
from edged.updates.store import links
from edged.updates.store.links import rescue
from edged.updates.store.versions import (
    ENVELOPE,
    VERSIONS,
    InstalledVersion,
    is_digest,
    manifest_in,
    read_version,
)

__all__ = ["InstalledVersion", "Store", "rescue"]

LEDGER = "ledger.json"
INCOMING = "incoming"
_PART = ".part"

_log = logging.getLogger(__name__)


class Store:
    """See the module. After a `StoreError` the same call may be made again: what it had done stays done.

    Args:
        root: the folder; it exists. The first `open` makes its name durable.
        files: the disk.
        reserve_bytes: free space that no download takes.
    """

    def __init__(self, root: Path, files: Files, *, reserve_bytes: int = 0) -> None:
        self._root = root
        self._files = files
        self._reserve_bytes = reserve_bytes
        self._ledger = root / LEDGER
        self._versions = root / VERSIONS
        self._incoming = root / INCOMING

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
        for folder in (self._versions, self._incoming):
            if not self._files.exists(folder):
                self._files.make_folder(folder)
        for name in (LEDGER, links.CURRENT, links.PREVIOUS):
            self._files.remove(partial(self._root / name))
        for name in self._files.names(self._versions):
            if name.startswith("."):
                self._remove_folder(self._versions / name)
        ledger = self._readable_ledger()
        if ledger is None:
            return self._recovered_ledger()
        self.follow(ledger)
        return ledger

    def ledger(self) -> Ledger:
        """The ledger as it stands on the disk, for those who only look.

        Raises:
            StoreError: it cannot be read, or is damaged: `open` recovers it.
        """
        if not self._files.exists(self._ledger):
            return Ledger()
        return read_ledger(self._files.read(self._ledger, MOST_LEDGER_BYTES))

    def record(self, ledger: Ledger) -> None:
        """Write the ledger; it is durable when this returns.

        Raises:
            StoreError: it cannot be written; the old or the new one stands there, whole: `open` says which, and makes it durable.
        """
        replace(self._files, self._ledger, write_ledger(ledger))

    def follow(self, ledger: Ledger) -> None:
        """Let the links ``current`` and ``previous`` say what the ledger says; they are durable when this returns.

        Raises:
            StoreError: they cannot be written.
        """
        links.follow(self._files, self._root, ledger)
        self._files.sync_folder(self._root)

    def incoming(self, id_: str) -> Path:
        """Where the download of a deployment goes."""
        return self._incoming / f".{id_}{_PART}"

    def receive(self, id_: str, chunks: Iterable[bytes]) -> int:
        """Continue the download of a deployment.

        What a failure leaves there is the beginning of the whole, and can be continued.

        Returns:
            Its size; it is durable.

        Raises:
            StoreError: it cannot be written.
        """
        path = self.incoming(id_)
        descriptor = self._files.append(path)
        try:
            for chunk in chunks:
                self._files.write(descriptor, chunk)
            self._sync_or_remove(descriptor, path)
        finally:
            self._files.close(descriptor)
        self._files.sync_folder(self._incoming)
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
        folder = self._versions / digest
        if not self._is_whole(digest):
            new = partial(folder)
            try:
                self._unpack(new, digest, envelope, contents)
                self._remove_folder(folder)
                self._files.rename(new, folder)
            except UpdateError:
                with suppress(StoreError):
                    self._remove_folder(new)
                raise
        self._files.sync_folder(self._versions)
        return folder

    def version(self, digest: str) -> InstalledVersion:
        """A version, after every byte of it has been compared with its manifest.

        Raises:
            BundleError: it is not there, or damaged.
            StoreError: it cannot be read.
        """
        return read_version(self._files, self._versions / digest, digest)

    def versions(self) -> tuple[str, ...]:
        """The digests of those that are there; whether they are whole is another question."""
        return tuple(filter(is_digest, self._files.names(self._versions)))

    def collect(self, ledger: Ledger) -> tuple[str, ...]:
        """Remove the versions and downloads that are no longer needed; what stands beside a download, by its name, goes with it.

        Returns:
            The digests of the versions that were removed.

        Raises:
            StoreError: one cannot be removed.
        """
        linked = {
            links.linked(self._files, self._root, name) for name in (links.CURRENT, links.PREVIOUS)
        }
        kept = kept_versions(ledger) | linked
        needless = tuple(digest for digest in self.versions() if digest not in kept)
        for digest in needless:
            self._remove_folder(self._versions / digest)
        ours = {self.incoming(ledger.deployment.id).name} if ledger.deployment else set[str]()
        for name in self._files.names(self._incoming):
            # Whoever drops bundles into this folder has other names for them, while they are copied and then.
            part, found, _ = name.partition(_PART)
            if name.startswith(".") and found and f"{part}{found}" not in ours:
                self._files.remove(self._incoming / name)
        return needless

    def room_for(self, size_bytes: int) -> None:
        """See that so much more would leave the reserve alone.

        Raises:
            StoreError: it would not.
        """
        free = self._files.free_bytes(self._root)
        if free - size_bytes < self._reserve_bytes:
            raise StoreError(
                f"no room for {size_bytes} bytes in {self._root}: {free} are free, "
                f"and {self._reserve_bytes} of them stay so; make room, then it goes on"
            )

    def _readable_ledger(self) -> Ledger | None:
        """None if there is none, or only a damaged one, which is set aside then."""
        if not self._files.exists(self._ledger):
            return None
        damage = f"it is larger than {MOST_LEDGER_BYTES} bytes"
        if self._files.size(self._ledger) <= MOST_LEDGER_BYTES:
            content = self._files.read(self._ledger, MOST_LEDGER_BYTES)
            try:
                return read_ledger(content)
            except StoreError as error:
                damage = str(error)
        aside = self._ledger.with_name(f"{LEDGER}.damaged")
        _log.error("model store: %s is set aside as %s: %s", self._ledger, aside.name, damage)
        self._files.rename(self._ledger, aside)
        return None

    def _recovered_ledger(self) -> Ledger:
        self._files.sync_folder(self._root.parent)
        ledger = links.ledger_by_links(self._files, self._root)
        links.follow(self._files, self._root, ledger)
        if ledger != Ledger():
            self.record(ledger)
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
        announced = {entry.name for entry in manifest_in(envelope, digest).files} - {ENVELOPE}
        self._remove_folder(folder)
        self._files.make_folder(folder)
        write_new(self._files, folder / ENVELOPE, [envelope])
        for name, chunks in contents:
            if name not in announced:
                raise BundleError(f"{name} is not a file of version {digest[:12]}")
            write_new(self._files, folder / name, chunks)
        read_version(self._files, folder, digest)
        self._files.sync_folder(folder)

    def _is_whole(self, digest: str) -> bool:
        try:
            self.version(digest)
        except BundleError:
            return False
        return True

    def _remove_folder(self, folder: Path) -> None:
        """With its files; it may be gone already."""
        if self._files.exists(folder):
            for name in self._files.names(folder):
                self._files.remove(folder / name)
            self._files.remove_folder(folder)
