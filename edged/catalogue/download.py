"""The download of one file, by the fetcher of its address: resumed in a later run, bounded in size.

The part file and, beside it, the etag of the source are kept between runs. Parts of two files are never joined: the fetcher resumes only
where the source confirms that its file is the same.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from edged.clock import Clock
from edged.errors import BundleError, CatalogueError, DownloadError, RegistryError, UpdateError
from edged.interfaces import Fetcher, Transfer
from edged.redaction import display_url
from edged.registry import FETCHERS, load_driver
from edged.updates.rules.source import source_scheme

MAX_BYTES = 256 << 20
"""Largest size of a file whose size the catalogue does not state."""
_MAX_ETAG_CHARS = 1000

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes received so far, and the total or None if unknown."""


class ModelDownload:
    """The download of one file from one address."""

    def __init__(self, url: str, part: Path, *, size_bytes: int | None, clock: Clock) -> None:
        """Prepare the download; nothing is opened yet.

        Args:
            url: address of the file: a URL, or an absolute path.
            part: path of the part file.
            size_bytes: expected size; None if unknown.
            clock: measures the pauses between attempts.
        """
        self._url = url
        self._part = part
        self._etag_path = part.with_name(part.name + ".etag")
        self._size_bytes = size_bytes
        self._clock = clock

    def run(self, progress: DownloadProgress) -> bool:
        """Download the file into the part file; return whether a part of it was here already.

        Raises:
            CatalogueError: the download failed, or has the wrong size. What an interrupted one has received stays.
            OSError: the part file cannot be written.
        """
        etag = self._read_etag()
        offset_bytes = self._count_received_bytes() if etag else 0
        try:
            with self._make_fetcher().fetch(
                self._url,
                offset_bytes=offset_bytes,
                etag=etag,
                max_bytes=self._size_bytes or MAX_BYTES,
            ) as transfer:
                self._check_size(transfer.total_bytes)
                self._receive(transfer, progress)
                return transfer.offset_bytes > 0
        except (RegistryError, UpdateError) as error:
            if isinstance(error, BundleError):
                self.discard()
            hint = "; another run resumes it" if isinstance(error, DownloadError) else ""
            raise CatalogueError(f"{error}{hint}") from error

    def discard(self) -> None:
        """Remove the part file and its etag."""
        self._etag_path.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)

    def _make_fetcher(self) -> Fetcher:
        fetcher: Fetcher = load_driver(FETCHERS, source_scheme(self._url))(self._clock)
        return fetcher

    def _count_received_bytes(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _read_etag(self) -> str | None:
        try:
            return self._etag_path.read_text(encoding="utf-8")[:_MAX_ETAG_CHARS] or None
        except (OSError, ValueError):
            return None

    def _check_size(self, total_bytes: int | None) -> None:
        if None in (total_bytes, self._size_bytes) or total_bytes == self._size_bytes:
            return
        self.discard()
        raise CatalogueError(
            f"{display_url(self._url)}: the file there has {total_bytes} bytes, but that of the catalogue has {self._size_bytes}"
        )

    def _receive(self, transfer: Transfer, progress: DownloadProgress) -> None:
        if not transfer.offset_bytes:
            self.discard()
            self._etag_path.write_text(transfer.etag or "", encoding="utf-8")
        # Each chunk is written as it arrives, so that it survives an interruption.
        with self._part.open("ab", buffering=0) as part:
            part.truncate(transfer.offset_bytes)
            for have_bytes in self._write(transfer, part.fileno()):
                progress(have_bytes, transfer.total_bytes)

    def _write(self, transfer: Transfer, descriptor: int) -> Iterator[int]:
        have_bytes = transfer.offset_bytes
        for chunk in transfer.chunks:
            left = memoryview(chunk)
            while left:
                left = left[os.write(descriptor, left) :]
            have_bytes += len(chunk)
            yield have_bytes
