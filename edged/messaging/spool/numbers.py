"""Gives out sequence numbers that rise over restarts, power cuts and lost disks."""

from pathlib import Path

from edged.errors import SpoolError
from edged.messaging.spool.loss import Range
from edged.messaging.spool.mark import Mark, MarkFile

BLOCK = 10_000
"""Numbers reserved with one write. Renewed at the half, so that a disk that fails leaves thousands in hand."""


class Numbers:
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
        self._file: MarkFile | None = None
        self._resumed = False
        self._start = self._next = max(1, wall_ms)
        self._end = 0
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
            self._file = MarkFile(self._path)
        except SpoolError:
            raise
        except OSError as error:
            self.fault = f"{self._path}: {error.strerror or error}"

    def settle(self, *, known: int, unsafe: int | None) -> Range | None:
        """Take up what the file says, if that was not done yet, and reserve a block.

        Args:
            known: the number after the highest that the store knows; 0 if it knows none.
            unsafe: the lowest number that is neither stored nor delivered nor told of by a stored gap record; None if there is
                none.

        Returns:
            The numbers of an earlier run that were lost in memory or never used, if that did not end in order.
        """
        lost = None
        if self._file is not None and not self._resumed:
            lost = self._resume(self._file.read(), known)
        # Until the gap record is stored, a crash must find these numbers again.
        self.reserve(unsafe if lost is None else min(lost[0], unsafe or lost[0]))
        return lost

    def take(self, unsafe: int | None) -> int:
        """The next number; `unsafe` as for `settle`."""
        if self._end - self._next <= BLOCK // 2 and not self.fault:
            self.reserve(unsafe)
        number = self._next
        self._next += 1
        return number

    def reserve(self, unsafe: int | None) -> None:
        """Reserve a block of numbers on disk; `fault` says if that could not be done."""
        end = self._next + BLOCK
        first = self._next if unsafe is None else unsafe
        if self._write(Mark(first=first, end=end, clean=False)):
            self._end = end

    def close(self, *, clean: bool) -> None:
        """Store the very next number if everything is safe, and let go of the file."""
        if self._file is None:
            return
        if clean:
            self._write(Mark(first=self._next, end=self._next, clean=True))
        self._file.close()
        self._file = None

    def _resume(self, mark: Mark | None, known: int) -> Range | None:
        """Count on from where the last run may have been; what of it is unaccounted for."""
        self._resumed = True
        unused = self._start == self._next
        if mark is None:
            first, end = known, (self._start if known else 0)
        else:
            first, end = max(mark.first, known), mark.end
        if unused and mark is not None:
            self._start = self._next = max(mark.end, known)
        else:
            self._next = max(self._next, end, known)
        return (first, end - 1) if first < end else None

    def _write(self, mark: Mark) -> bool:
        if self._file is None:
            return False
        try:
            self._file.write(mark)
        except OSError as error:
            self.fault = f"{self._path}: {error.strerror or error}"
            return False
        self.fault = ""
        return True
