"""The rule for which numbers of earlier runs are lost, without I/O."""

from dataclasses import dataclass, replace
from typing import Literal

from edged.messaging.spool.loss import LossReason
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.sequence_file import SequenceRecord

RecordFault = Literal["damaged", "unreadable"]
"""Damaged: it was quarantined. Unreadable: it may exist, but the disk or its permissions do not allow to use it now."""


@dataclass(frozen=True, slots=True)
class SuspectNumbers:
    """Numbers of earlier runs: those that do not wait in the spool are lost.

    Attributes:
        first: the lowest.
        end: the number after the highest.
        reason: why they were lost.
    """

    first: int
    end: int
    reason: LossReason


def find_suspects(
    earlier: SequenceRecord | None,
    stored: StoreSummary,
    *,
    start: int,
    is_store_damaged: bool,
    record_fault: RecordFault | None,
) -> SuspectNumbers | None:
    """Return the suspect numbers at the start of a run; None if there are none.

    Args:
        earlier: what the earlier runs recorded about their numbers; None if there is no record.
        stored: the content of the store.
        start: the first number of this run.
        is_store_damaged: a damaged store was quarantined.
        record_fault: what is wrong with the file of the record; None if nothing is.
    """
    if earlier is None:
        first, reason = _find_first_without_record(
            stored, record_fault, is_store_damaged=is_store_damaged
        )
    elif _is_current(earlier, stored, is_damaged=is_store_damaged):
        first, reason = max(earlier.first_unsafe, stored.next_seq), "unclean_stop"
    else:
        first, reason = earlier.first_waiting, "corrupt"
    if first is None or first >= start:
        return None
    return SuspectNumbers(first, start, reason)


def join_records(
    on_disk: SequenceRecord | None, in_memory: SequenceRecord | None
) -> SequenceRecord | None:
    """Return what both records of the numbers say together.

    The one in memory is newer, but if it does not continue the one on the disk, that may have been exchanged, or unreadable for a run.
    """
    if on_disk is None or in_memory is None:
        return on_disk or in_memory
    if in_memory.run_id == on_disk.run_id:
        return in_memory
    return replace(
        on_disk,
        first_waiting=min(on_disk.first_waiting, in_memory.first_waiting),
        first_unsafe=min(on_disk.first_unsafe, in_memory.first_unsafe),
        end=max(on_disk.end, in_memory.end),
        is_clean=False,
    )


def lower_record(record: SequenceRecord, first: int) -> SequenceRecord:
    """Return the record with the numbers from `first` on waiting, and in memory only."""
    return replace(
        record,
        first_waiting=min(first, record.first_waiting),
        first_unsafe=min(first, record.first_unsafe),
    )


def limit_record(record: SequenceRecord, limit: SequenceRecord) -> SequenceRecord:
    """Return the record with no claim beyond those of `limit` about what is stored or has arrived."""
    return replace(
        record,
        first_waiting=min(record.first_waiting, limit.first_waiting),
        first_unsafe=min(record.first_unsafe, limit.first_unsafe),
        store_id=limit.store_id or 0,
        generation=limit.generation,
    )


def _find_first_without_record(
    stored: StoreSummary, record_fault: RecordFault | None, *, is_store_damaged: bool
) -> tuple[int | None, LossReason]:
    if stored.store_id and not is_store_damaged:
        return stored.next_seq, "disk" if record_fault == "unreadable" else "corrupt"
    is_new_device = not is_store_damaged and record_fault != "damaged"
    return None if is_new_device else 1, "corrupt"


def _is_current(earlier: SequenceRecord, stored: StoreSummary, *, is_damaged: bool) -> bool:
    """Return whether the store holds all that the record says it must hold."""
    if earlier.store_id is None:
        return stored.store_id != 0 and not is_damaged
    if earlier.store_id == 0:
        return not is_damaged and earlier.first_unsafe <= earlier.first_waiting
    return stored.store_id == earlier.store_id and stored.generation >= earlier.generation
