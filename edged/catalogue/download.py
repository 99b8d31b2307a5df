"""Download of one file over HTTP: resumed after an interruption, retried with pauses, bounded in size and number of attempts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from edged.backoff import Backoff
from edged.clock import Clock
from edged.errors import CatalogueError
from edged.fetchers.http_response import ResponseAction, classify_response, content_length

_MAX_REDIRECTS = 5

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes received so far, and the total or None if unknown."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The limits of a download.

    Attributes:
        stall_timeout_s: longest time without a byte, or without a connection, s.
        max_attempts: attempts in a row that bring no byte.
        min_wait_s: upper bound of the first pause between attempts, s; it doubles with each.
        max_wait_s: upper bound of any pause, s.
        max_bytes: largest size of a file of unknown size.
    """

    stall_timeout_s: float = 20.0
    max_attempts: int = 5
    min_wait_s: float = 1.0
    max_wait_s: float = 30.0
    max_bytes: int = 256 << 20


class _TransientDownloadError(Exception):
    """A failed attempt; the next one may succeed."""


class ModelDownload:
    """The download of one file from one address.

    The part file and, beside it, the server's ETag are kept between runs, so that a later run can resume.
    """

    def __init__(
        self,
        url: str,
        part: Path,
        *,
        size_bytes: int | None,
        retry_policy: RetryPolicy,
        clock: Clock,
    ) -> None:
        """Prepare the download; nothing is opened yet.

        Args:
            url: address of the file.
            part: path of the part file.
            size_bytes: expected size; None if unknown.
            retry_policy: limits of the download.
            clock: measures the pauses.
        """
        self._url = url
        self._part = part
        self._etag_path = part.with_name(part.name + ".etag")
        self._size_bytes = size_bytes
        self._max_bytes = size_bytes or retry_policy.max_bytes
        self._retry_policy = retry_policy
        self._clock = clock

    def run(self, progress: DownloadProgress) -> None:
        """Download the file into the part file.

        Raises:
            CatalogueError: the download failed, or has the wrong size; a useless part file is removed.
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
        policy = self._retry_policy
        pauses = Backoff(initial_s=policy.min_wait_s, max_s=policy.max_wait_s, min_share=0.5)
        attempts_left = policy.max_attempts
        while True:
            before_bytes = self._count_received_bytes()
            try:
                return self._attempt(client, progress)
            except _TransientDownloadError as error:
                attempts_left -= 1
                if self._count_received_bytes() > before_bytes:
                    attempts_left = policy.max_attempts
                    pauses.reset()
                if not attempts_left:
                    raise CatalogueError(
                        f"{self._url}: {error}; gave up after {policy.max_attempts} attempts"
                    ) from error
                self._clock.sleep(pauses.next_wait_s())

    def discard(self) -> None:
        """Remove the part file and its ETag."""
        self._part.unlink(missing_ok=True)
        self._etag_path.unlink(missing_ok=True)

    def _count_received_bytes(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _read_etag(self) -> str | None:
        if not self._etag_path.exists():
            return None
        return self._etag_path.read_text(encoding="utf-8") or None

    def _attempt(self, client: httpx.Client, progress: DownloadProgress) -> None:
        try:
            with client.stream("GET", self._url, headers=self._request_headers()) as response:
                self._receive(response, progress)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise CatalogueError(f"{self._url}: {error}") from error
        except httpx.TimeoutException as error:
            stall_s = self._retry_policy.stall_timeout_s
            raise _TransientDownloadError(f"no data for {stall_s:g} s") from error
        except httpx.HTTPError as error:
            raise _TransientDownloadError(str(error) or type(error).__name__) from error

    def _request_headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if have_bytes := self._count_received_bytes():
            headers["Range"] = f"bytes={have_bytes}-"
            if etag := self._read_etag():
                headers["If-Range"] = etag
        return headers

    def _receive(self, response: httpx.Response, progress: DownloadProgress) -> None:
        have_bytes = self._count_received_bytes()
        action = classify_response(response.status_code, response.headers, have_bytes)
        status = f"the server responded {response.status_code} {response.reason_phrase}".rstrip()
        if action is ResponseAction.FAIL:
            raise CatalogueError(f"{self._url}: {status}")
        if action is ResponseAction.RETRY:
            raise _TransientDownloadError(status)
        if action is ResponseAction.DISCARD:
            self.discard()
            raise _TransientDownloadError("the file has changed since the last attempt")
        if action is not ResponseAction.DONE:
            offset_bytes = 0 if action is ResponseAction.RESTART else have_bytes
            self._receive_body(response, offset_bytes, progress)

    def _receive_body(
        self, response: httpx.Response, offset_bytes: int, progress: DownloadProgress
    ) -> None:
        body_bytes = content_length(response.headers)
        total_bytes = None if body_bytes is None else offset_bytes + body_bytes
        self._check_size(total_bytes)
        with self._part.open("ab" if offset_bytes else "wb") as part:
            # Without an ETag only the file's digest shows whether the parts belong to one version of the file.
            self._etag_path.write_text(response.headers.get("etag", ""), encoding="utf-8")
            have_bytes = self._append_body(response, part, offset_bytes, total_bytes, progress)
        if self._size_bytes is not None and have_bytes < self._size_bytes:
            raise _TransientDownloadError(
                f"the download ended after {have_bytes} of {self._size_bytes} bytes"
            )

    def _append_body(
        self,
        response: httpx.Response,
        part: BinaryIO,
        have_bytes: int,
        total_bytes: int | None,
        progress: DownloadProgress,
    ) -> int:
        # Each chunk is written as it arrives, so that it survives an interruption.
        for chunk in response.iter_raw():
            have_bytes += len(chunk)
            if have_bytes > self._max_bytes:
                self.discard()
                raise CatalogueError(
                    f"{self._url}: the download is larger than {self._max_bytes} bytes; it was removed"
                )
            part.write(chunk)
            progress(have_bytes, total_bytes)
        return have_bytes

    def _check_size(self, total_bytes: int | None) -> None:
        if total_bytes is None:
            return
        if self._size_bytes is not None and total_bytes != self._size_bytes:
            self.discard()
            raise CatalogueError(
                f"{self._url}: the server states {total_bytes} bytes, the catalogue {self._size_bytes}"
            )
        if total_bytes > self._max_bytes:
            raise CatalogueError(
                f"{self._url}: {total_bytes} bytes are more than the {self._max_bytes} allowed"
            )
