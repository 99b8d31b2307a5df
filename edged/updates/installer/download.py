"""Downloads the bundle of a deployment into the store, over as many attempts as it takes.

The etag of the source is stored in a small file beside the download. It is durable before the first byte of the download, and removed
before another download begins, so that parts of two files are never joined. A download that is still not a complete bundle, after a power
cut for example, starts again from the beginning.

Mirrors are tried in turn. With mirrors, a file that is not the requested bundle is the mirror's fault, and the next one is tried.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from edged.clock import Clock
from edged.errors import BundleError, DownloadError, RegistryError, StoreError, UpdateError
from edged.host.files import FileSystem, replace_file
from edged.interfaces import Fetcher
from edged.redaction import display_url
from edged.registry import FETCHERS, load_driver
from edged.updates.bundle.bundle import iter_verified_content, open_unverified
from edged.updates.bundle.manifest import MAX_BUNDLE_BYTES
from edged.updates.rules.ledger import Deployment
from edged.updates.rules.source import source_scheme
from edged.updates.store.store import ModelStore

_MAX_ETAG_BYTES = 4096
_MAX_DOWNLOAD_BYTES = MAX_BUNDLE_BYTES + (1 << 20)
"""The envelope, headers and padding take less than the added amount."""

ByteProgressCallback = Callable[[int, int], None]
"""Receives the bytes so far, and the total; 0 if that is unknown."""


class BundleDownloader:
    """Downloads bundles."""

    def __init__(self, store: ModelStore, files: FileSystem, clock: Clock) -> None:
        """Download into a store.

        Args:
            store: open.
            files: its disk.
            clock: the clock of time limits.
        """
        self._store = store
        self._files = files
        self._clock = clock

    def download(self, deployment: Deployment, on_progress: ByteProgressCallback) -> None:
        """Download the bundle, complete and durable.

        Raises:
            DownloadError: it cannot be downloaded now; the part so far is kept, and continued.
            StoreError: it cannot be written, or there is no space for it.
            BundleError: it is too large; or the source and all mirrors have other files.
            RegistryError, UpdateError: no driver can fetch from such a source, or the source does not have it.
        """
        failures: list[UpdateError | RegistryError] = []
        for url in (deployment.request.source, *deployment.request.mirrors):
            try:
                self._download_from(url, deployment, on_progress)
            except StoreError:
                raise
            except (UpdateError, RegistryError) as error:
                failures.append(error)
            else:
                return
        temporary = (failure for failure in failures if isinstance(failure, DownloadError))
        raise type(next(temporary, failures[0]))("; ".join(map(str, failures)))

    def has_download(self, deployment: Deployment) -> bool:
        """Return whether there is a download, complete or not."""
        return self._files.exists(self._store.download_path(deployment.id))

    def _download_from(
        self, url: str, deployment: Deployment, on_progress: ByteProgressCallback
    ) -> None:
        resumed = self._fetch(url, deployment, on_progress)
        if resumed and not self._is_expected_bundle(deployment):
            self._discard(deployment)
            self._fetch(url, deployment, on_progress)
        if deployment.request.mirrors and not self._is_expected_bundle(deployment):
            self._discard(deployment)
            raise BundleError(f"the file from {display_url(url)} is not the requested bundle")

    def _fetch(self, url: str, deployment: Deployment, on_progress: ByteProgressCallback) -> bool:
        """Fetch the rest of a bundle; return whether a part of it was here already."""
        have_bytes = self._files.size(self._store.download_path(deployment.id))
        etag = self._read_etag(deployment)
        with self._make_fetcher(url).fetch(
            url,
            offset_bytes=have_bytes if etag else 0,
            etag=etag or None,
            max_bytes=_MAX_DOWNLOAD_BYTES,
        ) as transfer:
            start_bytes, total_bytes = transfer.offset_bytes, transfer.total_bytes or 0
            self._store.ensure_free_space(max(0, total_bytes - start_bytes))
            if not start_bytes:
                self._discard(deployment)
                self._write_etag(deployment, transfer.etag or "")
            pieces = self._count_pieces(transfer.chunks, start_bytes, total_bytes, on_progress)
            self._store.append_download(deployment.id, pieces)
        return start_bytes > 0

    def _count_pieces(
        self,
        pieces: Iterator[bytes],
        position_bytes: int,
        total_bytes: int,
        on_progress: ByteProgressCallback,
    ) -> Iterator[bytes]:
        on_progress(position_bytes, total_bytes)
        for piece in pieces:
            self._store.ensure_free_space(len(piece))
            yield piece
            position_bytes += len(piece)
            on_progress(position_bytes, total_bytes)

    def _is_expected_bundle(self, deployment: Deployment) -> bool:
        """Return whether the download is a bundle with the requested digest, if one was requested; signatures are verified later."""
        path = self._store.download_path(deployment.id)
        try:
            with self._files.open(path) as file:
                bundle = open_unverified(file, self._files.size(path))
                for entry in bundle.manifest.files:
                    for _ in iter_verified_content(file, bundle, entry):
                        pass
        except BundleError:
            return False
        return deployment.request.expected in ("", bundle.digest)

    def _discard(self, deployment: Deployment) -> None:
        """Remove the download; its etag is removed first, and durably."""
        for path in (self._etag_path(deployment), self._store.download_path(deployment.id)):
            if self._files.exists(path):
                self._files.remove(path)
                self._files.sync_folder(path.parent)

    def _read_etag(self, deployment: Deployment) -> str:
        path = self._etag_path(deployment)
        if not self._files.exists(path):
            return ""
        try:
            return self._files.read(path, _MAX_ETAG_BYTES).decode(errors="replace")
        except StoreError:
            return ""  # the download starts from the beginning

    def _write_etag(self, deployment: Deployment, etag: str) -> None:
        path = self._etag_path(deployment)
        if 0 < len(etag.encode()) <= _MAX_ETAG_BYTES:
            replace_file(self._files, path, etag.encode())

    def _etag_path(self, deployment: Deployment) -> Path:
        part = self._store.download_path(deployment.id)
        return part.with_name(f"{part.name}.etag")

    def _make_fetcher(self, url: str) -> Fetcher:
        fetcher: Fetcher = load_driver(FETCHERS, source_scheme(url))(self._clock)
        return fetcher
