"""Brings the bundle of a deployment into the store, over as many runs as it takes.

Beside a download stands a small file, its mark: the state of the source that it is a part of. It is durable before the first byte of
the download, and gone before another download begins, so that parts of two files are never put together. What even so is no whole
bundle in the end, after a power cut in the middle, comes once more from the beginning.

Mirrors are tried in turn. Where there are some, what is not the bundle that was asked for is a mirror's fault, and not the end.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from edged.clock import Clock
from edged.errors import BundleError, DownloadError, RegistryError, StoreError, UpdateError
from edged.host.files import FileSystem, replace_file
from edged.interfaces import Fetcher
from edged.registry import FETCHERS, load_driver
from edged.updates.bundle.bundle import iter_verified_content, open_unverified
from edged.updates.bundle.manifest import MAX_BUNDLE_BYTES
from edged.updates.rules.ledger import Deployment
from edged.updates.store.store import ModelStore

_MAX_ETAG_BYTES = 4096
_MAX_DOWNLOAD_BYTES = MAX_BUNDLE_BYTES + (1 << 20)
"""Envelope, headers and padding take less than that."""
_FILE_SCHEME = "file"

ByteProgressCallback = Callable[[int, int], None]
"""Told of the bytes that are here, and of those there will be; 0 if nobody knows."""


class BundleDownloader:
    """See the module."""

    def __init__(self, store: ModelStore, files: FileSystem, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def download(self, deployment: Deployment, on_progress: ByteProgressCallback) -> None:
        """The bundle is here, whole and durable.

        Raises:
            DownloadError: it does not come; what came so far is kept, and gone on with.
            StoreError: it cannot be written, or there is no room for it.
            BundleError: it is larger than a bundle can be; or something else came, from all its mirrors.
            UpdateError: it is not to be had.
            RegistryError: there is no way to fetch from such a source.
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
        passing = (failure for failure in failures if isinstance(failure, DownloadError))
        raise type(next(passing, failures[0]))("; ".join(map(str, failures)))

    def has_download(self, deployment: Deployment) -> bool:
        """Whether there is a download at all."""
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
            raise BundleError(
                f"what {urlsplit(url).hostname or url} gives is not the bundle that was asked for"
            )

    def _fetch(self, url: str, deployment: Deployment, on_progress: ByteProgressCallback) -> bool:
        """Whether a part of it was here already."""
        have_bytes = self._files.size(self._store.download_path(deployment.id))
        mark = self._read_etag(deployment)
        with self._make_fetcher(url).fetch(
            url,
            offset_bytes=have_bytes if mark else 0,
            etag=mark or None,
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
        """Whether it is a bundle, and, as far as that was said, the right one; who signed it is looked at later."""
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
        """Its mark goes for good before anything else can."""
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
            return ""  # it begins anew

    def _write_etag(self, deployment: Deployment, etag: str) -> None:
        path = self._etag_path(deployment)
        if 0 < len(etag.encode()) <= _MAX_ETAG_BYTES:
            replace_file(self._files, path, etag.encode())

    def _etag_path(self, deployment: Deployment) -> Path:
        part = self._store.download_path(deployment.id)
        return part.with_name(f"{part.name}.mark")

    def _make_fetcher(self, url: str) -> Fetcher:
        scheme = (
            urlsplit(url).scheme.lower()
            if "://" in url or url.startswith("file:")
            else _FILE_SCHEME
        )
        fetcher: Fetcher = load_driver(FETCHERS, scheme)(self._clock)
        return fetcher
