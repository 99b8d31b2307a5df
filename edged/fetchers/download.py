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
from edged.fetchers.answers import Answer, body_bytes, mark_of, understand
from edged.interfaces import Transfer
from edged.updates.bundle.urls import shown

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
SLOW_S, SLOW_BYTES = 60.0, 6_000
"""A server that brings less in this time is given up: it could go on like that for ever."""


class _PassingError(Exception):
    """This attempt failed; the next may not."""


class Download:
    """See the module. `begin`, then read the pieces; as a context, it lets go of the connection."""

    def __init__(self, client: httpx.Client, url: str, *, most_bytes: int, clock: Clock) -> None:
        self._client = client
        self._name = shown(url)
        with _explained(self._name):
            self._url, self._auth = _split_credentials(httpx.URL(url))
        self._most_bytes = most_bytes
        self._clock = clock
        self._pauses = Backoff(first_s=FIRST_WAIT_S, cap_s=LONGEST_WAIT_S, least=0.5)
        self._left = ATTEMPTS
        self._response: httpx.Response | None = None
        self._at = 0
        self._skip = 0
        self._mark = ""
        self._total: int | None = None
        self._slow_from = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._let_go()

    def begin(self, have_bytes: int, mark: str) -> Transfer:
        """Connect, and find out where the file goes on.

        Raises:
            DownloadError: there is no connection, or the server is in trouble.
            BundleError: the file is too large.
            UpdateError: the server does not give it.
        """
        self._at, self._mark = have_bytes, mark
        answer = self._connect_patiently()
        if answer is Answer.DISCARD:
            self._at, self._mark = 0, ""
            answer = self._connect_patiently()
        if answer is Answer.DISCARD:
            raise DownloadError(f"{self._name}: the server contradicts itself")
        self._at = 0 if answer is Answer.BEGIN else self._at
        self._understand_size(answer)
        self._slow_from = (self._clock.monotonic_ns(), self._at)
        return Transfer(
            start_bytes=self._at,
            total_bytes=self._total,
            mark=self._mark,
            pieces=iter(()) if answer is Answer.DONE else self._pieces(),
        )

    def _pieces(self) -> Iterator[bytes]:
        while True:
            try:
                yield from self._from_this_connection()
            except _PassingError as error:
                self._resume(error)
            else:
                return

    def _from_this_connection(self) -> Iterator[bytes]:
        # Each piece as it arrives: what came before a break is kept.
        pieces = self._response.iter_raw() if self._response else iter(())
        while (piece := self._next(pieces)) is not None:
            if self._skip:
                self._skip, piece = max(0, self._skip - len(piece)), piece[self._skip :]
            if not piece:
                continue
            self._at += len(piece)
            self._check_size(self._at)
            self._check_pace()
            self._left = ATTEMPTS
            self._pauses.reset()
            yield piece
        if self._total is not None and self._at < self._total:
            raise _PassingError(f"it ended after {self._at} of {self._total} bytes")

    def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        with _explained(self._name):
            return next(pieces, None)

    def _resume(self, reason: _PassingError) -> None:
        """The connection broke: another, from there on.

        Raises:
            DownloadError: that does not work any more, or the file has changed.
        """
        if not self._mark:
            raise DownloadError(
                f"{self._name}: {reason}, and the server gives nothing by which to go on"
            ) from reason
        self._pause(reason)
        mark = self._mark
        answer = self._connect_patiently()
        if answer is Answer.BEGIN and self._mark == mark:  # it does not know ranges
            self._skip = self._at
        elif answer is not Answer.APPEND:
            raise DownloadError(f"{self._name}: the file changed while it came")
        self._slow_from = (self._clock.monotonic_ns(), self._at)

    def _connect_patiently(self) -> Answer:
        while True:
            try:
                return self._connect()
            except _PassingError as error:
                self._pause(error)

    def _connect(self) -> Answer:
        """Ask for the file from `_at` on; one that is sent whole gives its mark."""
        self._let_go()
        headers = {"Range": f"bytes={self._at}-", "If-Range": self._mark} if self._at else {}
        with _explained(self._name):
            request = self._client.build_request("GET", self._url, headers=headers)
            self._response = self._client.send(request, stream=True, auth=self._auth)
        status = self._response.status_code
        says = f"the server answers {status} {self._response.reason_phrase}".rstrip()
        answer = understand(status, self._response.headers, self._at)
        if answer is Answer.REFUSED:
            raise UpdateError(f"{self._name}: {says}")
        if answer is Answer.LATER:
            raise _PassingError(says)
        found = mark_of(self._response.headers)
        if answer is Answer.APPEND and found not in ("", self._mark):  # it does not know If-Range
            return Answer.DISCARD
        self._mark = found if answer is Answer.BEGIN else self._mark
        return answer

    def _pause(self, reason: _PassingError) -> None:
        self._left -= 1
        if self._left <= 0:
            raise DownloadError(f"{self._name}: {reason}") from reason
        self._clock.sleep(self._pauses.next_s())

    def _understand_size(self, answer: Answer) -> None:
        headers: Mapping[str, str] = self._response.headers if self._response else {}
        body = 0 if answer is Answer.DONE else body_bytes(headers)
        self._total = None if body is None else self._at + body
        self._check_size(self._total or 0)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._most_bytes:
            raise BundleError(
                f"{self._name} is larger than {self._most_bytes} bytes, which is the most that is taken"
            )

    def _check_pace(self) -> None:
        now_ns = self._clock.monotonic_ns()
        since_ns, before = self._slow_from
        if now_ns - since_ns < SLOW_S * NS_PER_S:
            return
        if self._at - before < SLOW_BYTES:
            raise DownloadError(f"{self._name}: the server is too slow")
        self._slow_from = (now_ns, self._at)

    def _let_go(self) -> None:
        if self._response:
            self._response.close()
            self._response = None


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL as error:
        raise UpdateError(f"{name}: this is no address") from error
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise UpdateError(f"{name}: {error}") from error
    except httpx.TimeoutException as error:
        raise _PassingError("nothing comes from the server") from error
    except httpx.HTTPError as error:
        raise _PassingError(str(error) or type(error).__name__) from error


def _split_credentials(url: httpx.URL) -> tuple[httpx.URL, tuple[str, str] | None]:
    """Apart, they are not logged, and not sent on to another server by a redirect."""
    if not url.userinfo:
        return url, None
    return url.copy_with(username=None, password=None), (url.username, url.password)
