"""A file on a web server, over HTTP or HTTPS: resumed after an interruption, limited in size and in time."""

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
"""Longest time without a connection, or without a byte on it."""


class HttpFetcher:
    """Downloads a file from a web server."""

    def __init__(self, clock: Clock, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._clock = clock
        self._timeout_s = timeout_s

    @contextmanager
    def fetch(
        self, url: str, *, offset_bytes: int, etag: str | None, max_bytes: int
    ) -> Iterator[Transfer]:
        """Begin a download, or resume it at `offset_bytes` if the server still has the same file.

        Args:
            url: address of the file; messages show it without credentials and query.
            offset_bytes: number of bytes that are already here.
            etag: the state of the file that those bytes belong to; None if unknown.
            max_bytes: largest size of the whole file that is accepted.

        Raises:
            DownloadError: the server cannot be reached or has failed; trying again may help.
            BundleError: the file is larger than `max_bytes`.
            UpdateError: the server refuses the request, the URL is invalid, or httpx is not installed.
        """
        from edged.fetchers.http_download import HttpDownload

        with _make_client(self._timeout_s) as client:
            download = HttpDownload(client, url, max_bytes=max_bytes, clock=self._clock)
            with download:
                yield download.begin(offset_bytes, etag) if etag else download.begin(0, None)


def _make_client(timeout_s: float) -> "httpx.Client":
    try:
        import httpx
    except ImportError as error:
        raise UpdateError(
            "cannot download: httpx is not installed; install it with: pip install 'edged[updates]'"
        ) from error
    # At the level INFO, httpx logs every URL with its credentials.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.Client(
        timeout=timeout_s,
        follow_redirects=True,
        max_redirects=_MAX_REDIRECTS,
        headers={"Accept-Encoding": "identity"},
    )
