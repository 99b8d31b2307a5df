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

_MOST_REDIRECTS = 5
_STALL_S = 20.0
"""Without a byte, or without a connection."""


class HttpFetcher:
    """See `edged.interfaces.Fetcher`."""

    def __init__(self, clock: Clock, *, stall_s: float = _STALL_S) -> None:
        self._clock = clock
        self._stall_s = stall_s

    @contextmanager
    def fetch(self, url: str, *, have_bytes: int, mark: str, most_bytes: int) -> Iterator[Transfer]:
        """See `edged.interfaces.Fetcher`."""
        from edged.fetchers.download import Download

        with _client(self._stall_s) as client:
            download = Download(client, url, most_bytes=most_bytes, clock=self._clock)
            with download:
                yield download.begin(have_bytes if mark else 0, mark)


def _client(stall_s: float) -> "httpx.Client":
    try:
        import httpx
    except ImportError as error:
        raise UpdateError(
            "nothing can be downloaded: httpx is missing: pip install 'edged[updates]'"
        ) from error
    # It would log every URL, with all that is in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.Client(
        timeout=stall_s,
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        headers={"Accept-Encoding": "identity"},
    )
