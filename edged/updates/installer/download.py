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
from edged.host.files import Files, replace
from edged.interfaces import Fetcher
from edged.registry import FETCHERS, load
from edged.updates.bundle.bundle import content, open_unverified
from edged.updates.bundle.manifest import MOST_BUNDLE_BYTES
from edged.updates.rules.ledger import Deployment
from edged.updates.store.store import Store

_MOST_MARK_BYTES = 4096
_MOST_BYTES = MOST_BUNDLE_BYTES + (1 << 20)
"""Envelope, headers and padding take less than that."""
_FILE = "file"

Watch = Callable[[int, int], None]
"""Told of the bytes that are here, and of those there will be; 0 if nobody knows."""


class Receiver:
    """See the module."""

    def __init__(self, store: Store, files: Files, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def receive(self, deployment: Deployment, watch: Watch) -> None:
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
                self._receive_from(url, deployment, watch)
            except StoreError:
                raise
            except (UpdateError, RegistryError) as error:
                failures.append(error)
            else:
                return
        passing = (failure for failure in failures if isinstance(failure, DownloadError))
        raise type(next(passing, failures[0]))("; ".join(map(str, failures)))

    def is_here(self, deployment: Deployment) -> bool:
        """Whether there is a download at all."""
        return self._files.exists(self._store.incoming(deployment.id))

    def _receive_from(self, url: str, deployment: Deployment, watch: Watch) -> None:
        resumed = self._fetch(url, deployment, watch)
        if resumed and not self._is_whole(deployment):
            self._discard(deployment)
            self._fetch(url, deployment, watch)
        if deployment.request.mirrors and not self._is_whole(deployment):
            self._discard(deployment)
            raise BundleError(
                f"what {urlsplit(url).hostname or url} gives is not the bundle that was asked for"
            )

    def _fetch(self, url: str, deployment: Deployment, watch: Watch) -> bool:
        """Whether a part of it was here already."""
        have_bytes = self._files.size(self._store.incoming(deployment.id))
        mark = self._mark(deployment)
        with self._fetcher(url).fetch(
            url, have_bytes=have_bytes if mark else 0, mark=mark, most_bytes=_MOST_BYTES
        ) as transfer:
            start_bytes, total_bytes = transfer.start_bytes, transfer.total_bytes or 0
            self._store.room_for(max(0, total_bytes - start_bytes))
            if not start_bytes:
                self._discard(deployment)
                self._set_mark(deployment, transfer.mark)
            pieces = self._watched(transfer.pieces, start_bytes, total_bytes, watch)
            self._store.receive(deployment.id, pieces)
        return start_bytes > 0

    def _watched(
        self, pieces: Iterator[bytes], at: int, total_bytes: int, watch: Watch
    ) -> Iterator[bytes]:
        watch(at, total_bytes)
        for piece in pieces:
            self._store.room_for(len(piece))
            yield piece
            at += len(piece)
            watch(at, total_bytes)

    def _is_whole(self, deployment: Deployment) -> bool:
        """Whether it is a bundle, and, as far as that was said, the right one; who signed it is looked at later."""
        path = self._store.incoming(deployment.id)
        try:
            with self._files.open(path) as file:
                bundle = open_unverified(file, self._files.size(path))
                for entry in bundle.manifest.files:
                    for _ in content(file, bundle, entry):
                        pass
        except BundleError:
            return False
        return deployment.request.expected in ("", bundle.digest)

    def _discard(self, deployment: Deployment) -> None:
        """Its mark goes for good before anything else can."""
        for path in (self._mark_path(deployment), self._store.incoming(deployment.id)):
            if self._files.exists(path):
                self._files.remove(path)
                self._files.sync_folder(path.parent)

    def _mark(self, deployment: Deployment) -> str:
        path = self._mark_path(deployment)
        if not self._files.exists(path):
            return ""
        try:
            return self._files.read(path, _MOST_MARK_BYTES).decode(errors="replace")
        except StoreError:
            return ""  # it begins anew

    def _set_mark(self, deployment: Deployment, mark: str) -> None:
        path = self._mark_path(deployment)
        if 0 < len(mark.encode()) <= _MOST_MARK_BYTES:
            replace(self._files, path, mark.encode())

    def _mark_path(self, deployment: Deployment) -> Path:
        part = self._store.incoming(deployment.id)
        return part.with_name(f"{part.name}.mark")

    def _fetcher(self, url: str) -> Fetcher:
        scheme = urlsplit(url).scheme.lower() if "://" in url or url.startswith("file:") else _FILE
        fetcher: Fetcher = load(FETCHERS, scheme)(self._clock)
        return fetcher
