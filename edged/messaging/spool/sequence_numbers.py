"""Sequence numbers that rise across restarts, power cuts and lost disks."""

from pathlib import Path

from edged.errors import SpoolError
from edged.messaging.spool.loss import SeqRange
from edged.messaging.spool.sequence_file import SequenceFile, SequenceReservation

BLOCK_SIZE = 10_000
"""Count of numbers reserved with one write. The next block is reserved when half is used, so that thousands are left if the disk fails."""


class SequenceNumbers:
    """The counter. It also works while its file cannot be used; `fault` then gives the reason.

    The very first start begins at the wall clock's milliseconds, not at 1: a device that lost its disk, or that runs from memory,
    continues above every number it can have used, as long as it makes fewer than a thousand messages a second.
    """

    def __init__(self, path: Path, *, wall_ms: int) -> None:
        """Lock the file; `recover` reads it.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        self.fault: str | None = None
        """The reason why the file is not in use; None if it is."""
        self._path = path
        self._file: SequenceFile | None = None
        self._is_recovered = False
        self._start = self._next = max(1, wall_ms)
        self._reserved_end = 0
        self.claim()

    @property
    def next(self) -> int:
        """The number that `allocate` will return next."""
        return self._next

    def claim(self) -> None:
        """Open and lock the file, unless that is done; a failure sets `fault`.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        if self._file is not None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = SequenceFile(self._path)
        except SpoolError:
            raise
        except OSError as error:
            self.fault = f"{self._path}: {error.strerror or error}"

    def recover(self, *, next_stored: int, lowest_unsafe: int | None) -> SeqRange | None:
        """Read the file, unless that is done, and reserve a block.

        Args:
            next_stored: the number after the highest that the store knows; 0 if it knows none.
            lowest_unsafe: the lowest number that is neither stored, nor delivered, nor reported by a stored gap record; None if
                there is none.

        Returns:
            The numbers of an earlier run that were lost in memory or never used; None if that run ended in order.
        """
        lost = None
        if self._file is not None and not self._is_recovered:
            lost = self._recover_range(self._file.read(), next_stored)
        # If the daemon crashes before the gap record is stored, the next run must find these numbers again.
        self.reserve(lowest_unsafe if lost is None else min(lost[0], lowest_unsafe or lost[0]))
        return lost

    def allocate(self, lowest_unsafe: int | None) -> int:
        """Return the next number; `lowest_unsafe` has the same meaning as for `recover`."""
        if self._reserved_end - self._next <= BLOCK_SIZE // 2 and not self.fault:
            self.reserve(lowest_unsafe)
        number = self._next
        self._next += 1
        return number

    def reserve(self, lowest_unsafe: int | None) -> None:
        """Reserve a block of numbers on disk; a failure sets `fault`."""
        end = self._next + BLOCK_SIZE
        first = self._next if lowest_unsafe is None else lowest_unsafe
        if self._write(SequenceReservation(first_unconfirmed=first, end=end, is_clean=False)):
            self._reserved_end = end

    def close(self, *, is_clean: bool) -> None:
        """Record the next number if everything is safe, and close the file."""
        if self._file is None:
            return
        if is_clean:
            self._write(
                SequenceReservation(first_unconfirmed=self._next, end=self._next, is_clean=True)
            )
        self._file.close()
        self._file = None

    def _recover_range(
        self, reservation: SequenceReservation | None, next_stored: int
    ) -> SeqRange | None:
        """Continue after the last run's numbers; return those of its numbers that are unaccounted for."""
        self._is_recovered = True
        unused = self._start == self._next
        if reservation is None:
            first, end = next_stored, (self._start if next_stored else 0)
        else:
            first, end = max(reservation.first_unconfirmed, next_stored), reservation.end
        if unused and reservation is not None:
            self._start = self._next = max(reservation.end, next_stored)
        else:
            self._next = max(self._next, end, next_stored)
        return (first, end - 1) if first < end else None

    def _write(self, reservation: SequenceReservation) -> bool:
        if self._file is None:
            return False
        try:
            self._file.write(reservation)
        except OSError as error:
            self.fault = f"{self._path}: {error.strerror or error}"
            return False
        self.fault = None
        return True
