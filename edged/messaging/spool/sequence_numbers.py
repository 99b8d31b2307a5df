"""Sequence numbers that rise across restarts, power cuts and lost disks."""

import secrets
from dataclasses import replace

from edged.messaging.spool.files import OpenedFiles, RecordState
from edged.messaging.spool.recovery import (
    RecordFault,
    SuspectNumbers,
    find_suspects,
    join_records,
    limit_record,
    lower_record,
)
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.sequence_file import SequenceRecord
from edged.messaging.spool.start_number import choose_start

BLOCK_SIZE = 10_000
"""Count of numbers reserved with one write. The next block is reserved when half is used, so that thousands are left if the disk fails or is silent."""
_UNRECORDED_SIZE = 2**20
"""Count of numbers that are skipped if the record of the numbers is lost: more than a run uses between two commits of the store."""


class SequenceNumbers:
    """The counter. It also works while its file cannot be used; `fault` then gives the reason."""

    def __init__(self, opened: OpenedFiles, *, wall_ms: int) -> None:
        """Take over what the earlier runs recorded; `recover` compares it with the store.

        Args:
            opened: the records of the earlier runs.
            wall_ms: the wall clock's time, milliseconds since the Unix epoch.
        """
        record = opened.record
        self.fault = record.fault
        """The reason why the file is not in use; None if it is."""
        self.damage = record.damage
        """What was quarantined since the start, and why; None if nothing was."""
        self.is_ready = False
        """Whether messages with numbers may leave: the first block is reserved, or cannot be."""
        self._is_locked = record.is_locked
        self._progress = opened.progress
        self._wall_start = choose_start(wall_ms)
        self._earlier = self._floor = join_records(record.record, opened.in_memory)
        # Until the loss of earlier numbers is stored, the records of this run may claim no more than `_floor`.
        self._is_recovered = False
        self._run_id = self._base_id = secrets.randbits(63)
        if self._earlier is not None and self._earlier.run_id is not None:
            self._base_id = self._earlier.run_id
        self._noted, self._store_id, self._generation = (0, 0, 0, 0), 0, 0
        self._reserved_end = self._requested_end = 0
        self._must_reserve = False
        self._begin(self._choose_first())
        if not self._is_locked:
            self.end_reservation(record.fault)

    @property
    def next(self) -> int:
        """The number that `allocate` will return next."""
        return self._next

    @property
    def may_allocate(self) -> bool:
        """Whether a message may get a number: one is reserved, or none can be, because the disk fails; not while it is silent."""
        return self.is_ready and (self._next < self._reserved_end or self.fault is not None)

    @property
    def is_reservation_due(self) -> bool:
        """Whether the next block must be reserved, which is long before the present one is used up."""
        is_low = self._reserved_end - self._next <= BLOCK_SIZE // 2
        return self._must_reserve or (is_low and not self.fault)

    def request_reservation(self) -> None:
        """Let a block be reserved again, because the disk may work again, or the store was opened again."""
        self._must_reserve = self._is_locked

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

    def recover_late(self, state: RecordState) -> SuspectNumbers | None:
        """Compare with a record that could not be read at the start; the numbers continue above it."""
        self._is_locked, self.damage = state.is_locked, state.damage
        self.fault = state.fault or self.fault
        record = state.record if state.is_locked else None
        if record is None or (self._earlier and self._earlier.run_id == record.run_id):
            return None
        self._earlier, before = record, self._next
        self._begin_at_least(record.end)
        first, end = record.first_waiting, self._start if before == self._next else self._next
        self._lower_floor(first)
        return SuspectNumbers(first, end, "unclean_stop") if first < end else None

    def allocate(self) -> int:
        """Return the next number."""
        number = self._next
        self._next += 1
        return number

    def begin_reservation(self) -> SequenceRecord:
        """Return the record that reserves the next block once it is on the disk; `end_reservation` must follow."""
        self._requested_end = self._next + BLOCK_SIZE
        return replace(self._make_record(self._requested_end), run_id=self._run_id)

    def end_reservation(self, fault: str | None) -> None:
        """Take note that the block is reserved, or that this failed with a `fault`."""
        self._base_id = self._run_id
        self.fault, self.is_ready, self._must_reserve = fault, True, False
        if fault is None:
            # The next note in memory is of this block.
            self._reserved_end, self._noted = self._requested_end, (0, 0, 0, 0)

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

    def make_last_record(self) -> SequenceRecord:
        """Return the record of a run that ends in order."""
        return replace(self._make_record(self._next), is_clean=True)

    def close(self, *, is_recorded: bool) -> None:
        """Close the file in memory; delete it if the last record is on the disk, which says it all."""
        if is_recorded:
            self._progress.remove()
        self._progress.close()

    def _write_progress(self) -> None:
        store_id, waiting, unsafe, generation = self._store_id, *self._noted[:2], self._generation
        if self._floor is not None:
            record = self._make_record(self._next)
            waiting, unsafe = record.first_waiting, record.first_unsafe
            store_id, generation = record.store_id or 0, record.generation
        self._progress.write(waiting, unsafe, self._next, self._base_id, store_id, generation)

    def _choose_first(self) -> int:
        if self._earlier is None:
            return self._wall_start
        # Numbers that cannot be reserved begin where no later run on this disk will.
        unreserved = 0 if self._is_locked else self._wall_start
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
        if not self._is_locked:
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
