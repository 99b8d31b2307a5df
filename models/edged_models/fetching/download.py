"""A file over HTTP into a part file: resumed where it broke off, tried again with pauses, bounded in size and in patience."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from edged.backoff import Backoff
from edged.clock import Clock
from edged.fetchers.http_response import ResponseAction, classify_response, content_length
from edged_models.errors import FetchError

_MAX_REDIRECTS = 5

DownloadProgress = Callable[[int, int | None], None]
"""Told of the bytes that are here, and of those there will be if that is known."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long a bad connection is put up with.

    Attributes:
        stall_timeout_s: without a byte, or without a connection.
        max_attempts: in a row that bring nothing.
        min_wait_s: bound of the first pause between them; it doubles.
        max_wait_s: its greatest.
        max_bytes: of a file of which the size is not known.
    """

    stall_timeout_s: float = 20.0
    max_attempts: int = 5
    min_wait_s: float = 1.0
    max_wait_s: float = 30.0
    max_bytes: int = 256 << 20


class _TransientDownloadError(Exception):
    """This attempt failed; the next may not."""


class ModelDownload:
    """One file of one address; `part` and, beside it, the server's mark of its version (ETag) live on between runs."""

    def __init__(
        self,
        url: str,
        part: Path,
        *,
        size_bytes: int | None,
        retry_policy: RetryPolicy,
        clock: Clock,
    ) -> None:
        self._url = url
        self._part = part
        self._etag_path = part.with_name(part.name + ".etag")
        self._size_bytes = size_bytes
        self._max_bytes = size_bytes or retry_policy.max_bytes
        self._retry_policy = retry_policy
        self._clock = clock

    def run(self, progress: DownloadProgress) -> None:
        """Bring the file.

        Raises:
            FetchError: it did not come, or is not of the right size; what is of no use is removed.
        """
        have_bytes = self._count_received_bytes()
        if self._size_bytes is not None and have_bytes > self._size_bytes:
            self.discard()
        elif have_bytes == self._size_bytes:
            return
        timeout = httpx.Timeout(self._retry_policy.stall_timeout_s)
        with httpx.Client(
            timeout=timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS
        ) as client:
            self._run_with_retries(client, progress)

    def _run_with_retries(self, client: httpx.Client, progress: DownloadProgress) -> None:
        patience = self._retry_policy
        pauses = Backoff(initial_s=patience.min_wait_s, max_s=patience.max_wait_s, min_share=0.5)
        left = patience.max_attempts
        while True:
            before_bytes = self._count_received_bytes()
            try:
                return self._attempt(client, progress)
            except _TransientDownloadError as error:
                left -= 1
                if self._count_received_bytes() > before_bytes:
                    left = patience.max_attempts
                    pauses.reset()
                if not left:
                    raise FetchError(f"{self._url}: {error}; given up") from error
                self._clock.sleep(pauses.next_wait_s())

    def discard(self) -> None:
        """Remove what is here."""
        self._part.unlink(missing_ok=True)
        self._etag_path.unlink(missing_ok=True)

    def _count_received_bytes(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _read_etag(self) -> str:
        return self._etag_path.read_text(encoding="utf-8") if self._etag_path.exists() else ""

    def _attempt(self, client: httpx.Client, progress: DownloadProgress) -> None:
        try:
            with client.stream("GET", self._url, headers=self._request_headers()) as response:
                self._receive(response, progress)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise FetchError(f"{self._url}: {error}") from error
        except httpx.TimeoutException as error:
            stall_s = self._retry_policy.stall_timeout_s
            raise _TransientDownloadError(f"nothing came for {stall_s:g} s") from error
        except httpx.HTTPError as error:
            raise _TransientDownloadError(str(error) or type(error).__name__) from error

    def _request_headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if have_bytes := self._count_received_bytes():
            headers["Range"] = f"bytes={have_bytes}-"
            if mark := self._read_etag():
                headers["If-Range"] = mark
        return headers

    def _receive(self, response: httpx.Response, progress: DownloadProgress) -> None:
        have_bytes = self._count_received_bytes()
        answer = classify_response(response.status_code, response.headers, have_bytes)
        says = f"the server answers {response.status_code} {response.reason_phrase}".rstrip()
        if answer is ResponseAction.FAIL:
            raise FetchError(f"{self._url}: {says}")
        if answer is ResponseAction.RETRY:
            raise _TransientDownloadError(says)
        if answer is ResponseAction.DISCARD:
            self.discard()
            raise _TransientDownloadError("the file has changed since a part of it came")
        if answer is ResponseAction.DONE:
            return
        if answer is ResponseAction.RESTART:
            have_bytes = 0
        body = content_length(response.headers)
        total_bytes = None if body is None else have_bytes + body
        self._check_size(total_bytes)
        with self._part.open("ab" if have_bytes else "wb") as part:
            # Without a mark the file's digest alone tells whether the parts were of one file.
            self._etag_path.write_text(response.headers.get("etag", ""), encoding="utf-8")
            have_bytes = self._append_body(response, part, have_bytes, total_bytes, progress)
        if self._size_bytes is not None and have_bytes < self._size_bytes:
            raise _TransientDownloadError(
                f"it ended after {have_bytes} of {self._size_bytes} bytes"
            )

    def _append_body(
        self,
        response: httpx.Response,
        part: BinaryIO,
        have_bytes: int,
        total_bytes: int | None,
        progress: DownloadProgress,
    ) -> int:
        # Each piece as it arrives: what came before a break is kept.
        for piece in response.iter_raw():
            have_bytes += len(piece)
            if have_bytes > self._max_bytes:
                self.discard()
                raise FetchError(
                    f"{self._url}: more came than {self._max_bytes} bytes; it was removed"
                )
            part.write(piece)
            progress(have_bytes, total_bytes)
        return have_bytes

    def _check_size(self, total_bytes: int | None) -> None:
        if total_bytes is None:
            return
        if self._size_bytes is not None and total_bytes != self._size_bytes:
            self.discard()
            raise FetchError(
                f"{self._url}: the server says {total_bytes} bytes; the catalogue says {self._size_bytes}"
            )
        if total_bytes > self._max_bytes:
            raise FetchError(
                f"{self._url}: {total_bytes} bytes are more than the {self._max_bytes} allowed"
            )
