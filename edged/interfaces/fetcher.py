"""The interface of a fetcher: a driver that gets a file from somewhere else."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from edged.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer that has begun.

    Attributes:
        offset_bytes: where `chunks` begins: at the requested offset, or at 0 if the part that is already here cannot be used.
        total_bytes: size of the whole file; None if unknown.
        etag: identifies this state of the file, so that a later transfer can resume; None if the source gives no such identifier.
        chunks: the content from `offset_bytes` to the end, as it arrives; it raises what `Fetcher.fetch` raises.
    """

    offset_bytes: int
    total_bytes: int | None
    etag: str | None
    chunks: Iterator[bytes]


class Fetcher(Protocol):
    """A driver that gets a file by its URL."""

    def __init__(self, clock: Clock) -> None:
        """Store the clock; open nothing."""

    def fetch(
        self, url: str, *, offset_bytes: int, etag: str | None, max_bytes: int
    ) -> AbstractContextManager[Transfer]:
        """Begin or resume a transfer. Interruptions are retried while the chunks are read, within the driver's limits.

        Args:
            url: address of the file; messages and logs show it without credentials.
            offset_bytes: number of bytes that are already here.
            etag: the state of the file that those bytes belong to; None if unknown, and the file is then fetched from its beginning.
            max_bytes: largest size of the whole file that is accepted.

        Raises:
            DownloadError: the transfer failed; trying again may help.
            BundleError: the file is larger than `max_bytes`.
            UpdateError: the file does not exist or may not be read, or a library that is needed to fetch it is not installed.
        """
