"""Gives out sequence numbers that rise over restarts, power cuts and lost disks."""

from pathlib import Path

from edged.errors import SpoolError
from edged.messaging.spool.loss import SeqRange
from edged.messaging.spool.sequence_file import SequenceFile, SequenceReservation

BLOCK_SIZE = 10_000
"""Numbers reserved with one write. Renewed at the half, so that a disk that fails leaves thousands in hand."""


class SequenceNumbers:
    """The counter. It works without its file, too; `fault` then says why there is none.

    The first start of all begins at the wall clock's milliseconds, not at 1: a device that lost its disk, or runs from memory, still
    counts on from beyond what it can have used, as long as it makes fewer than a thousand messages a second.
    """

    def __init__(self, path: Path, *, wall_ms: int) -> None:
        """Claim the folder; what it holds is taken up by `settle`.

        Raises:
            SpoolError: another daemon has the folder.
        """
        self.fault = ""
        self._path = path
        self._file: SequenceFile | None = None
        self._is_recovered = False
        self._start = self._next = max(1, wall_ms)
        self._reserved_end = 0
        self.claim()

    @property
    def next(self) -> int:
        """The number that `take` will give."""
        return self._next

    def claim(self) -> None:
        """Get hold of the file, if it is not held yet; `fault` says if that could not be done.

        Raises:
            SpoolError: another daemon has the folder.
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
        """Take up what the file says, if that was not done yet, and reserve a block.

        Args:
            next_stored: the number after the highest that the store knows; 0 if it knows none.
            lowest_unsafe: the lowest number that is neither stored nor delivered nor told of by a stored gap record; None if there is
                none.

        Returns:
            The numbers of an earlier run that were lost in memory or never used, if that did not end in order.
        """
        lost = None
        if self._file is not None and not self._is_recovered:
            lost = self._recover_range(self._file.read(), next_stored)
        # Until the gap record is stored, a crash must find these numbers again.
        self.reserve(lowest_unsafe if lost is None else min(lost[0], lowest_unsafe or lost[0]))
        return lost

    def allocate(self, lowest_unsafe: int | None) -> int:
        """The next number; `lowest_unsafe` as for `settle`."""
        if self._reserved_end - self._next <= BLOCK_SIZE // 2 and not self.fault:
            self.reserve(lowest_unsafe)
        number = self._next
        self._next += 1
        return number

    def reserve(self, lowest_unsafe: int | None) -> None:
        """Reserve a block of numbers on disk; `fault` says if that could not be done."""
        end = self._next + BLOCK_SIZE
        first = self._next if lowest_unsafe is None else lowest_unsafe
        if self._write(SequenceReservation(first_unconfirmed=first, end=end, is_clean=False)):
            self._reserved_end = end

    def close(self, *, is_clean: bool) -> None:
        """Store the very next number if everything is safe, and let go of the file."""
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
        """Count on from where the last run may have been; what of it is unaccounted for."""
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
        self.fault = ""
        return True
