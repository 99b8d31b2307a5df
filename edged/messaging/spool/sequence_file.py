"""The file that records how far sequence numbers may have been used.

Numbers are reserved in blocks, so that one small write serves thousands of messages. The file has a fixed size and is overwritten
in place: this needs no free space, so numbering continues when the disk is full. A checksum detects a torn write. The file is
separate from the database, so that numbers keep rising when the database is lost.
"""

import fcntl
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from edged.errors import SpoolError

_BODY = "{first:020d} {end:020d} {clean:d}"
_BODY_SIZE = len(_BODY.format(first=0, end=0, clean=0))


@dataclass(frozen=True, slots=True)
class SequenceReservation:
    """A reserved block of numbers.

    Attributes:
        first_unconfirmed: every message below this number was stored or delivered.
        end: no number from here on was ever used.
        is_clean: the spool was closed in order, so that `end` is the next number.
    """

    first_unconfirmed: int
    end: int
    is_clean: bool


class SequenceFile:
    """The file, and the lock on it that keeps a second daemon out of the folder."""

    def __init__(self, path: Path) -> None:
        """Open and lock the file; create it if necessary.

        Raises:
            SpoolError: another daemon uses the folder.
            OSError: the disk fails.
        """
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise SpoolError(
                f"{path.parent} is in use by another edged: give each its own [device] state_dir"
            ) from None

    def read(self) -> SequenceReservation | None:
        """Return the reservation that was written last; None if the file has no readable one."""
        text = os.pread(self._fd, 4096, 0).decode("ascii", "replace")
        body = text[:_BODY_SIZE]
        if text[_BODY_SIZE:].split("\n")[0] != f" {_checksum(body)}":
            return None
        first, end, clean = body.split()
        return SequenceReservation(int(first), int(end), clean == "1")

    def write(self, reservation: SequenceReservation) -> None:
        """Write `reservation` durably.

        Raises:
            OSError: the disk fails.
        """
        body = _BODY.format(
            first=reservation.first_unconfirmed, end=reservation.end, clean=reservation.is_clean
        )
        os.pwrite(self._fd, f"{body} {_checksum(body)}\n".encode("ascii"), 0)
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file and release the lock."""
        os.close(self._fd)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii', 'replace')):08x}"
