"""The download of one file over HTTP, chunk by chunk, over as many connections as needed.

After an interruption the download resumes at the same byte if the server confirms that the file is unchanged (If-Range): parts of two
files are never joined. Consecutive attempts that bring no data are limited, with pauses between them.
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import httpx

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock
from edged.errors import BundleError, DownloadError, UpdateError
from edged.fetchers.http_errors import TransientError, translate_errors
from edged.fetchers.http_response import ResponseAction, classify_response, content_length, etag_of
from edged.interfaces import Transfer
from edged.redaction import display_url

MAX_ATTEMPTS = 5
MIN_RETRY_S, MAX_RETRY_S = 1.0, 30.0
THROUGHPUT_WINDOW_S, MIN_WINDOW_BYTES = 60.0, 6_000
"""A server that sends less than this in one window counts as failed: such a download could go on for ever."""


class HttpDownload:
    """One download: call `begin`, then read the chunks. As a context manager, it closes the connection."""

    def __init__(self, client: httpx.Client, url: str, *, max_bytes: int, clock: Clock) -> None:
        """Parse the URL; connect to nothing.

        Args:
            client: the HTTP client.
            url: address of the file.
            max_bytes: largest size of the whole file that is accepted.
            clock: the source of time and pauses.

        Raises:
            UpdateError: the URL is invalid.
        """
        self._client = client
        self._display_url = display_url(url)
        with translate_errors(self._display_url):
            self._url, self._auth = _split_credentials(httpx.URL(url))
        self._max_bytes = max_bytes
        self._clock = clock
        self._backoff = Backoff(initial_s=MIN_RETRY_S, max_s=MAX_RETRY_S, min_share=0.5)
        self._attempts_left = MAX_ATTEMPTS
        self._response: httpx.Response | None = None
        self._offset_bytes = 0
        self._skip_bytes = 0
        self._etag: str | None = None
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

    def begin(self, offset_bytes: int, etag: str | None) -> Transfer:
        """Connect, and find out at which byte the download begins.

        Raises:
            DownloadError: the server cannot be reached, or has failed.
            BundleError: the file is too large.
            UpdateError: the server refuses the request.
        """
        self._offset_bytes, self._etag = offset_bytes, etag
        action = self._connect_with_retries()
        if action is ResponseAction.DISCARD:
            self._offset_bytes, self._etag = 0, None
            action = self._connect_with_retries()
        if action is ResponseAction.DISCARD:
            raise DownloadError(
                f"{self._display_url}: the server sent a part of the file although the whole was requested"
            )
        self._offset_bytes = 0 if action is ResponseAction.RESTART else self._offset_bytes
        self._read_size(action)
        self._window_start = (self._clock.monotonic_ns(), self._offset_bytes)
        return Transfer(
            offset_bytes=self._offset_bytes,
            total_bytes=self._total_bytes,
            etag=self._etag,
            chunks=iter(()) if action is ResponseAction.DONE else self._read_chunks(),
        )

    def _read_chunks(self) -> Iterator[bytes]:
        while True:
            try:
                yield from self._read_connection()
            except TransientError as error:
                self._resume(error)
            else:
                return

    def _read_connection(self) -> Iterator[bytes]:
        # Raw chunks, as they arrive, so that everything received before an interruption is kept.
        received = self._response.iter_raw() if self._response else iter(())
        while (chunk := self._read_chunk(received)) is not None:
            unread = chunk[self._skip_bytes :]
            self._skip_bytes = max(0, self._skip_bytes - len(chunk))
            if unread:
                self._count_received(unread)
                yield unread
        if self._total_bytes is not None and self._offset_bytes < self._total_bytes:
            raise TransientError(
                f"the connection ended after {self._offset_bytes} of {self._total_bytes} bytes"
            )

    def _count_received(self, chunk: bytes) -> None:
        self._offset_bytes += len(chunk)
        self._check_size(self._offset_bytes)
        self._check_throughput()
        self._attempts_left = MAX_ATTEMPTS
        self._backoff.reset()

    def _read_chunk(self, chunks: Iterator[bytes]) -> bytes | None:
        with translate_errors(self._display_url):
            return next(chunks, None)

    def _resume(self, reason: TransientError) -> None:
        """Connect again, and continue at the byte where the last connection was interrupted."""
        if self._etag is None:
            raise DownloadError(
                f"{self._display_url}: {reason}; the download cannot be resumed, because the server sends neither"
                " ETag nor Last-Modified"
            ) from reason
        self._wait_to_retry(reason)
        etag = self._etag
        action = self._connect_with_retries()
        if action is ResponseAction.RESTART and self._etag == etag:
            self._skip_bytes = self._offset_bytes  # the server does not support ranges
        elif action is not ResponseAction.APPEND:
            raise DownloadError(
                f"{self._display_url}: the file on the server changed during the download"
            )
        self._window_start = (self._clock.monotonic_ns(), self._offset_bytes)

    def _connect_with_retries(self) -> ResponseAction:
        while True:
            try:
                return self._connect()
            except TransientError as error:
                self._wait_to_retry(error)

    def _connect(self) -> ResponseAction:
        """Request the file from `_offset_bytes` on; remember the etag of a file that is sent whole."""
        response = self._send_request()
        action = classify_response(response.status_code, response.headers, self._offset_bytes)
        answer = f"the server answered {response.status_code} {response.reason_phrase}".rstrip()
        if action is ResponseAction.FAIL:
            raise UpdateError(f"{self._display_url}: {answer}")
        if action is ResponseAction.RETRY:
            raise TransientError(answer)
        etag = etag_of(response.headers)
        if action is ResponseAction.RESTART:
            self._etag = etag
        elif action is ResponseAction.APPEND and etag not in (None, self._etag):
            return ResponseAction.DISCARD  # the server ignores If-Range
        return action

    def _send_request(self) -> httpx.Response:
        self._release()
        headers = {}
        if self._offset_bytes and self._etag:
            headers = {"Range": f"bytes={self._offset_bytes}-", "If-Range": self._etag}
        with translate_errors(self._display_url):
            request = self._client.build_request("GET", self._url, headers=headers)
            self._response = self._client.send(request, stream=True, auth=self._auth)
        return self._response

    def _wait_to_retry(self, reason: TransientError) -> None:
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
                f"{self._display_url}: larger than {self._max_bytes} bytes, the largest size that is accepted"
            )

    def _check_throughput(self) -> None:
        now_ns = self._clock.monotonic_ns()
        start_ns, start_bytes = self._window_start
        if now_ns - start_ns < THROUGHPUT_WINDOW_S * NS_PER_S:
            return
        if self._offset_bytes - start_bytes < MIN_WINDOW_BYTES:
            raise DownloadError(
                f"{self._display_url}: the server is too slow: less than {MIN_WINDOW_BYTES} bytes in {THROUGHPUT_WINDOW_S:g} s"
            )
        self._window_start = (now_ns, self._offset_bytes)

    def _release(self) -> None:
        if self._response:
            self._response.close()
            self._response = None


def _split_credentials(url: httpx.URL) -> tuple[httpx.URL, tuple[str, str] | None]:
    """Take the credentials out of a URL, so that they are neither logged nor sent to another server after a redirect."""
    if not url.userinfo:
        return url, None
    return url.copy_with(username=None, password=None), (url.username, url.password)
