"""The sequence counter's mark on disk: how far numbers may have been used.

Numbers are reserved in blocks, so that one small write serves thousands of messages. The file has a fixed size and is
overwritten in place: that needs no free space, so numbering goes on when the disk is full. A torn write shows in its checksum.
It stands apart from the database, so that numbers go on rising when that is lost.
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
    """A reservation.

    Attributes:
        first_unconfirmed: every message below it was stored or delivered.
        end: no number from here on was ever used.
        is_clean: the spool was closed in order: `end` is the very next number.
    """

    first_unconfirmed: int
    end: int
    is_clean: bool


class SequenceFile:
    """Holds the mark, and the lock that keeps a second daemon away from the folder."""

    def __init__(self, path: Path) -> None:
        """Open and lock the file; make it if need be.

        Raises:
            SpoolError: another daemon has the folder.
            OSError: the disk refuses.
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
        """What was written last; None if nothing readable was."""
        text = os.pread(self._fd, 4096, 0).decode("ascii", "replace")
        body = text[:_BODY_SIZE]
        if text[_BODY_SIZE:].split("\n")[0] != f" {_checksum(body)}":
            return None
        first, end, clean = body.split()
        return SequenceReservation(int(first), int(end), clean == "1")

    def write(self, reservation: SequenceReservation) -> None:
        """Make `reservation` durable before this returns.

        Raises:
            OSError: the disk refuses.
        """
        body = _BODY.format(
            first=reservation.first_unconfirmed, end=reservation.end, clean=reservation.is_clean
        )
        os.pwrite(self._fd, f"{body} {_checksum(body)}\n".encode("ascii"), 0)
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file and of the lock."""
        os.close(self._fd)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii', 'replace')):08x}"
