"""One file over HTTP, piece by piece, over as many connections as it takes.

A connection that breaks is taken up where it broke, if the server can say that the file is still the same (If-Range): parts of two files
are never put together. Attempts in a row that bring nothing are counted, with pauses between them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import httpx

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock
from edged.errors import BundleError, DownloadError, UpdateError
from edged.fetchers.http_response import ResponseAction, classify_response, content_length, etag_of
from edged.interfaces import Transfer
from edged.logs import redact_url

MAX_ATTEMPTS = 5
MIN_RETRY_S, MAX_RETRY_S = 1.0, 30.0
THROUGHPUT_WINDOW_S, MIN_WINDOW_BYTES = 60.0, 6_000
"""A server that brings less in this time is given up: it could go on like that for ever."""


class _TransientError(Exception):
    """This attempt failed; the next may not."""


class HttpDownload:
    """See the module. `begin`, then read the pieces; as a context, it lets go of the connection."""

    def __init__(self, client: httpx.Client, url: str, *, max_bytes: int, clock: Clock) -> None:
        self._client = client
        self._display_url = redact_url(url)
        with _translate_errors(self._display_url):
            self._url, self._auth = _split_credentials(httpx.URL(url))
        self._max_bytes = max_bytes
        self._clock = clock
        self._backoff = Backoff(initial_s=MIN_RETRY_S, max_s=MAX_RETRY_S, min_share=0.5)
        self._attempts_left = MAX_ATTEMPTS
        self._response: httpx.Response | None = None
        self._offset_bytes = 0
        self._skip_bytes = 0
        self._etag = ""
        self._total_bytes: int | None = None
        self._window_start = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def begin(self, offset_bytes: int, etag: str) -> Transfer:
        """Connect, and find out where the file goes on.

        Raises:
            DownloadError: there is no connection, or the server is in trouble.
            BundleError: the file is too large.
            UpdateError: the server does not give it.
        """
        self._offset_bytes, self._etag = offset_bytes, etag
        answer = self._connect_with_retries()
        if answer is ResponseAction.DISCARD:
            self._offset_bytes, self._etag = 0, ""
            answer = self._connect_with_retries()
        if answer is ResponseAction.DISCARD:
            raise DownloadError(f"{self._display_url}: the server contradicts itself")
        self._offset_bytes = 0 if answer is ResponseAction.RESTART else self._offset_bytes
        self._read_size(answer)
        self._window_start = (self._clock.monotonic_ns(), self._offset_bytes)
        return Transfer(
            offset_bytes=self._offset_bytes,
            total_bytes=self._total_bytes,
            etag=self._etag,
            chunks=iter(()) if answer is ResponseAction.DONE else self._read_chunks(),
        )

    def _read_chunks(self) -> Iterator[bytes]:
        while True:
            try:
                yield from self._read_connection()
            except _TransientError as error:
                self._resume(error)
            else:
                return

    def _read_connection(self) -> Iterator[bytes]:
        # Each piece as it arrives: what came before a break is kept.
        pieces = self._response.iter_raw() if self._response else iter(())
        while (piece := self._read_chunk(pieces)) is not None:
            if self._skip_bytes:
                self._skip_bytes, piece = (
                    max(0, self._skip_bytes - len(piece)),
                    piece[self._skip_bytes :],
                )
            if not piece:
                continue
            self._offset_bytes += len(piece)
            self._check_size(self._offset_bytes)
            self._check_throughput()
            self._attempts_left = MAX_ATTEMPTS
            self._backoff.reset()
            yield piece
        if self._total_bytes is not None and self._offset_bytes < self._total_bytes:
            raise _TransientError(
                f"it ended after {self._offset_bytes} of {self._total_bytes} bytes"
            )

    def _read_chunk(self, chunks: Iterator[bytes]) -> bytes | None:
        with _translate_errors(self._display_url):
            return next(chunks, None)

    def _resume(self, reason: _TransientError) -> None:
        """The connection broke: another, from there on.

        Raises:
            DownloadError: that does not work any more, or the file has changed.
        """
        if not self._etag:
            raise DownloadError(
                f"{self._display_url}: {reason}, and the server gives nothing by which to go on"
            ) from reason
        self._wait_to_retry(reason)
        mark = self._etag
        answer = self._connect_with_retries()
        if answer is ResponseAction.RESTART and self._etag == mark:  # it does not know ranges
            self._skip_bytes = self._offset_bytes
        elif answer is not ResponseAction.APPEND:
            raise DownloadError(f"{self._display_url}: the file changed while it came")
        self._window_start = (self._clock.monotonic_ns(), self._offset_bytes)

    def _connect_with_retries(self) -> ResponseAction:
        while True:
            try:
                return self._connect()
            except _TransientError as error:
                self._wait_to_retry(error)

    def _connect(self) -> ResponseAction:
        """Ask for the file from `_at` on; one that is sent whole gives its mark."""
        self._release()
        headers = (
            {"Range": f"bytes={self._offset_bytes}-", "If-Range": self._etag}
            if self._offset_bytes
            else {}
        )
        with _translate_errors(self._display_url):
            request = self._client.build_request("GET", self._url, headers=headers)
            self._response = self._client.send(request, stream=True, auth=self._auth)
        status = self._response.status_code
        says = f"the server answers {status} {self._response.reason_phrase}".rstrip()
        answer = classify_response(status, self._response.headers, self._offset_bytes)
        if answer is ResponseAction.FAIL:
            raise UpdateError(f"{self._display_url}: {says}")
        if answer is ResponseAction.RETRY:
            raise _TransientError(says)
        found = etag_of(self._response.headers)
        if answer is ResponseAction.APPEND and found not in (
            "",
            self._etag,
        ):  # it does not know If-Range
            return ResponseAction.DISCARD
        self._etag = found if answer is ResponseAction.RESTART else self._etag
        return answer

    def _wait_to_retry(self, reason: _TransientError) -> None:
        self._attempts_left -= 1
        if self._attempts_left <= 0:
            raise DownloadError(f"{self._display_url}: {reason}") from reason
        self._clock.sleep(self._backoff.next_wait_s())

    def _read_size(self, action: ResponseAction) -> None:
        headers: Mapping[str, str] = self._response.headers if self._response else {}
        body = 0 if action is ResponseAction.DONE else content_length(headers)
        self._total_bytes = None if body is None else self._offset_bytes + body
        self._check_size(self._total_bytes or 0)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise BundleError(
                f"{self._display_url} is larger than {self._max_bytes} bytes, which is the most that is taken"
            )

    def _check_throughput(self) -> None:
        now_ns = self._clock.monotonic_ns()
        since_ns, before = self._window_start
        if now_ns - since_ns < THROUGHPUT_WINDOW_S * NS_PER_S:
            return
        if self._offset_bytes - before < MIN_WINDOW_BYTES:
            raise DownloadError(f"{self._display_url}: the server is too slow")
        self._window_start = (now_ns, self._offset_bytes)

    def _release(self) -> None:
        if self._response:
            self._response.close()
            self._response = None


@contextmanager
def _translate_errors(display_url: str) -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL as error:
        raise UpdateError(f"{display_url}: this is no address") from error
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise UpdateError(f"{display_url}: {error}") from error
    except httpx.TimeoutException as error:
        raise _TransientError("nothing comes from the server") from error
    except httpx.HTTPError as error:
        raise _TransientError(str(error) or type(error).__name__) from error


def _split_credentials(url: httpx.URL) -> tuple[httpx.URL, tuple[str, str] | None]:
    """Apart, they are not logged, and not sent on to another server by a redirect."""
    if not url.userinfo:
        return url, None
    return url.copy_with(username=None, password=None), (url.username, url.password)
