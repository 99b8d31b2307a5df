"""A file over HTTP into a part file: resumed where it broke off, tried again with pauses, bounded in size and in patience."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from edged.backoff import Backoff
from edged.clock import Clock
from edged.fetchers.answers import Answer, body_bytes, understand
from edged_models.errors import FetchError

_MOST_REDIRECTS = 5

Progress = Callable[[int, int | None], None]
"""Told of the bytes that are here, and of those there will be if that is known."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a bad connection is put up with.

    Attributes:
        stall_s: without a byte, or without a connection.
        attempts: in a row that bring nothing.
        first_wait_s: bound of the first pause between them; it doubles.
        longest_wait_s: its greatest.
        most_bytes: of a file of which the size is not known.
    """

    stall_s: float = 20.0
    attempts: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    most_bytes: int = 256 << 20


class _PassingError(Exception):
    """This attempt failed; the next may not."""


class Download:
    """One file of one address; `part` and, beside it, the server's mark of its version (ETag) live on between runs."""

    def __init__(
        self, url: str, part: Path, *, size_bytes: int | None, patience: Patience, clock: Clock
    ) -> None:
        self._url = url
        self._part = part
        self._mark = part.with_name(part.name + ".etag")
        self._size_bytes = size_bytes
        self._most_bytes = size_bytes or patience.most_bytes
        self._patience = patience
        self._clock = clock

    def run(self, progress: Progress) -> None:
        """Bring the file.

        Raises:
            FetchError: it did not come, or is not of the right size; what is of no use is removed.
        """
        have_bytes = self._have_bytes()
        if self._size_bytes is not None and have_bytes > self._size_bytes:
            self.discard()
        elif have_bytes == self._size_bytes:
            return
        timeout = httpx.Timeout(self._patience.stall_s)
        with httpx.Client(
            timeout=timeout, follow_redirects=True, max_redirects=_MOST_REDIRECTS
        ) as client:
            self._try_until_here(client, progress)

    def _try_until_here(self, client: httpx.Client, progress: Progress) -> None:
        patience = self._patience
        pauses = Backoff(first_s=patience.first_wait_s, cap_s=patience.longest_wait_s, least=0.5)
        left = patience.attempts
        while True:
            before_bytes = self._have_bytes()
            try:
                return self._attempt(client, progress)
            except _PassingError as error:
                left -= 1
                if self._have_bytes() > before_bytes:
                    left = patience.attempts
                    pauses.reset()
                if not left:
                    raise FetchError(f"{self._url}: {error}; given up") from error
                self._clock.sleep(pauses.next_s())

    def discard(self) -> None:
        """Remove what is here."""
        self._part.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def _have_bytes(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _read_mark(self) -> str:
        return self._mark.read_text(encoding="utf-8") if self._mark.exists() else ""

    def _attempt(self, client: httpx.Client, progress: Progress) -> None:
        try:
            with client.stream("GET", self._url, headers=self._request()) as response:
                self._take(response, progress)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise FetchError(f"{self._url}: {error}") from error
        except httpx.TimeoutException as error:
            stall_s = self._patience.stall_s
            raise _PassingError(f"nothing came for {stall_s:g} s") from error
        except httpx.HTTPError as error:
            raise _PassingError(str(error) or type(error).__name__) from error

    def _request(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if have_bytes := self._have_bytes():
            headers["Range"] = f"bytes={have_bytes}-"
            if mark := self._read_mark():
                headers["If-Range"] = mark
        return headers

    def _take(self, response: httpx.Response, progress: Progress) -> None:
        have_bytes = self._have_bytes()
        answer = understand(response.status_code, response.headers, have_bytes)
        says = f"the server answers {response.status_code} {response.reason_phrase}".rstrip()
        if answer is Answer.REFUSED:
            raise FetchError(f"{self._url}: {says}")
        if answer is Answer.LATER:
            raise _PassingError(says)
        if answer is Answer.DISCARD:
            self.discard()
            raise _PassingError("the file has changed since a part of it came")
        if answer is Answer.DONE:
            return
        if answer is Answer.BEGIN:
            have_bytes = 0
        body = body_bytes(response.headers)
        total_bytes = None if body is None else have_bytes + body
        self._refuse_size(total_bytes)
        with self._part.open("ab" if have_bytes else "wb") as part:
            # Without a mark the file's digest alone tells whether the parts were of one file.
            self._mark.write_text(response.headers.get("etag", ""), encoding="utf-8")
            have_bytes = self._append(response, part, have_bytes, total_bytes, progress)
        if self._size_bytes is not None and have_bytes < self._size_bytes:
            raise _PassingError(f"it ended after {have_bytes} of {self._size_bytes} bytes")

    def _append(
        self,
        response: httpx.Response,
        part: BinaryIO,
        have_bytes: int,
        total_bytes: int | None,
        progress: Progress,
    ) -> int:
        # Each piece as it arrives: what came before a break is kept.
        for piece in response.iter_raw():
            have_bytes += len(piece)
            if have_bytes > self._most_bytes:
                self.discard()
                raise FetchError(
                    f"{self._url}: more came than {self._most_bytes} bytes; it was removed"
                )
            part.write(piece)
            progress(have_bytes, total_bytes)
        return have_bytes

    def _refuse_size(self, total_bytes: int | None) -> None:
        if total_bytes is None:
            return
        if self._size_bytes is not None and total_bytes != self._size_bytes:
            self.discard()
            raise FetchError(
                f"{self._url}: the server says {total_bytes} bytes; the catalogue says {self._size_bytes}"
            )
        if total_bytes > self._most_bytes:
            raise FetchError(
                f"{self._url}: {total_bytes} bytes are more than the {self._most_bytes} allowed"
            )
