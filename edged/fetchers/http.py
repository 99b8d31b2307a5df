"""A file on a web server: over HTTP or HTTPS, gone on with where it broke off, bounded in size and in patience."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edged.clock import Clock
from edged.errors import UpdateError
from edged.interfaces import Transfer

if TYPE_CHECKING:
    import httpx

_MAX_REDIRECTS = 5
_TIMEOUT_S = 20.0
"""Without a byte, or without a connection."""


class HttpFetcher:
    """See `edged.interfaces.Fetcher`."""

    def __init__(self, clock: Clock, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._clock = clock
        self._timeout_s = timeout_s

    @contextmanager
    def fetch(
        self, url: str, *, offset_bytes: int, etag: str, max_bytes: int
    ) -> Iterator[Transfer]:
        """See `edged.interfaces.Fetcher`."""
        from edged.fetchers.http_download import HttpDownload

        with _make_client(self._timeout_s) as client:
            download = HttpDownload(client, url, max_bytes=max_bytes, clock=self._clock)
            with download:
                yield download.begin(offset_bytes if etag else 0, etag)


def _make_client(timeout_s: float) -> "httpx.Client":
    try:
        import httpx
    except ImportError as error:
        raise UpdateError(
            "nothing can be downloaded: httpx is missing: pip install 'edged[updates]'"
        ) from error
    # It would log every URL, with all that is in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.Client(
        timeout=timeout_s,
        follow_redirects=True,
        max_redirects=_MAX_REDIRECTS,
        headers={"Accept-Encoding": "identity"},
    )
