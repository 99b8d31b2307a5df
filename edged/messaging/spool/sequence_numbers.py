"""Sequence numbers that rise across restarts, power cuts and lost disks."""

import logging
import secrets
from dataclasses import replace
from pathlib import Path

from edged.errors import SpoolError
from edged.messaging.spool.recovery import (
    RecordFault,
    SuspectNumbers,
    find_suspects,
    join_records,
    limit_record,
    lower_record,
)
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.sequence_file import (
    ProgressFile,
    SequenceFile,
    SequenceRecord,
    read_unlocked,
)
from edged.messaging.spool.start_number import choose_start

BLOCK_SIZE = 10_000
"""Count of numbers reserved with one write. The next block is reserved when half is used, so that thousands are left if the disk fails."""
_UNRECORDED_SIZE = 2**20
"""Count of numbers that are skipped if the record of the numbers is lost: more than a run uses between two commits of the store."""

_log = logging.getLogger(__name__)


class SequenceNumbers:
    """The counter. It also works while its file cannot be used; `fault` then gives the reason."""

    def __init__(self, path: Path, *, wall_ms: int) -> None:
        """Lock the file and read what the earlier runs recorded; `recover` compares it with the store.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        self.fault: str | None = None
        """The reason why the file is not in use; None if it is."""
        self.damage: str | None = None
        """What was quarantined since the start, and why; None if nothing was."""
        self._path = path
        self._progress = ProgressFile(path.parent)
        self._file: SequenceFile | None = None
        self._wall_start = choose_start(wall_ms)
        self._earlier: SequenceRecord | None = None
        self._floor: SequenceRecord | None = None
        """Until the loss of earlier numbers is stored, the records of this run may claim no more than this one."""
        self._is_recovered = False
        self._run_id = self._base_id = secrets.randbits(63)
        self._noted, self._store_id, self._generation = (0, 0, 0, 0), 0, 0
        self._reserved_end = 0
        self.claim()
        self._read_progress()
        self._begin(self._choose_first())

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
            return
        if self._file.quarantined_path:
            self.damage = (
                f"{self._path} was unreadable; it was quarantined as {self._file.quarantined_path}"
            )
            _log.error("spool: %s", self.damage)

    def recover(self, stored: StoreSummary, *, is_damaged: bool) -> SuspectNumbers | None:
        """Compare the record with the store, after this was opened or replaced.

        Args:
            stored: the content of the store.
            is_damaged: the store's file was damaged.

        Returns:
            Numbers that are lost if the store does not hold them; None if there are none.
        """
        earlier, start = self._earlier, self._first_unsafe
        if self._is_recovered:
            earlier = self._make_record(self._next)
        else:
            start = self._skip_unrecorded(stored)
        suspects = find_suspects(
            earlier,
            stored,
            start=start,
            is_store_damaged=is_damaged,
            record_fault=self._find_record_fault(),
        )
        if earlier is None or not (suspects or self._is_recovered):
            self._floor = None
            self._store_id, self._generation = stored.store_id, stored.generation
        if suspects is not None:
            self._lower_floor(suspects.first)
        self._is_recovered = True
        return suspects

    def recover_late(self) -> SuspectNumbers | None:
        """Compare with a record that could not be read at the start; the numbers continue above it."""
        suspects = None
        record = None if self._file is None else self._file.read()
        if record is not None and not (self._earlier and self._earlier.run_id == record.run_id):
            self._earlier, before = record, self._next
            self._begin_at_least(record.end)
            first, end = record.first_waiting, self._start if before == self._next else self._next
            self._lower_floor(first)
            suspects = SuspectNumbers(first, end, "unclean_stop") if first < end else None
        self.reserve()
        return suspects

    def allocate(self) -> int:
        """Return the next number."""
        if self._reserved_end - self._next <= BLOCK_SIZE // 2 and not self.fault:
            self.reserve()
        number = self._next
        self._next += 1
        return number

    def reserve(self) -> None:
        """Reserve a block of numbers on disk; a failure sets `fault`."""
        end = self._next + BLOCK_SIZE
        self._base_id = self._run_id
        if self._write(self._make_record(end)):
            # The next note in memory is of this block.
            self._reserved_end, self._noted = end, (0, 0, 0, 0)

    def note_progress(self, *, first_waiting: int, first_unsafe: int) -> None:
        """Record in memory how far the messages have come; see `SequenceRecord`.

        Args:
            first_waiting: lowest number of a message that has not arrived.
            first_unsafe: lowest number of a message that only memory knows.
        """
        state = (first_waiting, first_unsafe, self._next, self._generation)
        if state != self._noted:
            self._first_waiting, self._first_unsafe, *_ = self._noted = state
            self._write_progress()

    def note_commit(self, stored: StoreSummary) -> None:
        """Take note that everything until now is stored, lost numbers in their gap record included."""
        self._store_id, self._generation = stored.store_id, stored.generation
        if self._is_recovered:
            self._floor = None

    def close(self, *, is_clean: bool) -> None:
        """Record the next number if everything is safe, and close the file."""
        if self._file is None:
            self._progress.close()
            return
        is_recorded = is_clean and self._write(
            replace(self._make_record(self._next), is_clean=True)
        )
        if is_recorded and self._file.is_in_place(self._path):
            self._progress.remove()
        self._progress.close()
        self._file.close()
        self._file = None

    def _write_progress(self) -> None:
        store_id, waiting, unsafe, generation = self._store_id, *self._noted[:2], self._generation
        if self._floor is not None:
            record = self._make_record(self._next)
            waiting, unsafe = record.first_waiting, record.first_unsafe
            store_id, generation = record.store_id or 0, record.generation
        self._progress.write(waiting, unsafe, self._next, self._base_id, store_id, generation)

    def _read_progress(self) -> None:
        on_disk = read_unlocked(self._path) if self._file is None else self._file.read()
        in_memory = self._progress.read()
        self._earlier = self._floor = join_records(on_disk, in_memory)
        if self._earlier is not None and self._earlier.run_id is not None:
            self._base_id = self._earlier.run_id

    def _choose_first(self) -> int:
        if self._earlier is None:
            return self._wall_start
        # Numbers that cannot be reserved begin where no later run on this disk will.
        unreserved = self._wall_start if self._file is None else 0
        return max(self._earlier.end, unreserved)

    def _begin(self, first: int) -> None:
        self._next = self._start = first
        self._first_waiting = self._first_unsafe = first
        self._noted = (0, 0, 0, 0)

    def _begin_at_least(self, first: int) -> None:
        """Continue at `first` or above."""
        if first > self._next:
            if self._next == self._start:
                self._begin(first)
            self._next = first

    def _skip_unrecorded(self, stored: StoreSummary) -> int:
        """Continue above the store's numbers; return the number below which all are of earlier runs, or skipped."""
        # Without a record, the store does not know the numbers since its last commit; the wall clock is above them if it was set.
        is_unknown = self._earlier is None and self._wall_start <= stored.next_seq
        before = self._next
        self._begin_at_least(stored.next_seq + (_UNRECORDED_SIZE if is_unknown else 0))
        return self._start if before == self._next else self._next

    def _find_record_fault(self) -> RecordFault | None:
        if self._file is None:
            return "unreadable"
        return "damaged" if self.damage else None

    def _lower_floor(self, first: int) -> None:
        self._floor = lower_record(self._floor or self._make_record(self._next), first)

    def _make_record(self, end: int) -> SequenceRecord:
        record = SequenceRecord(
            first_waiting=self._first_waiting,
            first_unsafe=self._first_unsafe,
            end=end,
            run_id=self._base_id,
            store_id=self._store_id,
            generation=self._generation,
        )
        return record if self._floor is None else limit_record(record, self._floor)

    def _write(self, record: SequenceRecord) -> bool:
        if self._file is None:
            return False
        try:
            self._file.write(record)
        except OSError as error:
            self.fault = f"{self._path}: {error.strerror or error}"
            return False
        self.fault = None
        return True
