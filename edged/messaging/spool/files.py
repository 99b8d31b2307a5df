"""The jobs of the disk queue: what they do with the files of one spool, and their results.

Nothing here is called by the owner of the spool itself, except where it is the disk queue that does each job at once.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edged.errors import SpoolError
from edged.messaging.spool.disk import SpoolDisk, StoredState
from edged.messaging.spool.item import SpoolItem
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.sequence_file import (
    ProgressFile,
    SequenceFile,
    SequenceRecord,
    read_unlocked,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """How a job has left the file of the numbers.

    Attributes:
        is_locked: whether the file is open, and other daemons are kept out.
        record: what an earlier run left in it; None if there is nothing, or it cannot be read.
        fault: the reason why the file cannot be opened; None if it is open.
        damage: what was quarantined since the start, and why; None if nothing was.
    """

    is_locked: bool
    record: SequenceRecord | None
    fault: str | None
    damage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFiles:
    """The result of opening.

    Attributes:
        record: the file of the numbers.
        progress: the file in memory; it belongs to the one who gets this.
        in_memory: what the file in memory held.
        store: the store.
    """

    record: RecordState
    progress: ProgressFile
    in_memory: SequenceRecord | None
    store: StoredState


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitGroup:
    """What one commit makes durable.

    Attributes:
        add: the messages to store, ascending.
        remove: the numbers of the stored messages to delete.
        next_seq: the next number.
        running_ns: the running time until now.
    """

    add: tuple[SpoolItem, ...]
    remove: frozenset[int]
    next_seq: int
    running_ns: int


class SpoolFiles:
    """The files of one spool: the store and the record of the numbers. Only the disk's jobs use it."""

    def __init__(self, folder: Path) -> None:
        self._sequence_path = folder / "sequence"
        self._disk = SpoolDisk(folder / "spool.db")
        self._sequence: SequenceFile | None = None
        self._damage: str | None = None

    def claim(self) -> RecordState:
        """Open, lock and read the file of the numbers, unless it is open.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        fault = None
        if self._sequence is None:
            try:
                self._sequence_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._sequence = SequenceFile(self._sequence_path)
            except SpoolError:
                raise
            except OSError as error:
                fault = self._describe(error)
        if self._sequence is None:
            record = read_unlocked(self._sequence_path)
        else:
            record = self._sequence.read()
            self._note_quarantine(self._sequence)
        return RecordState(
            is_locked=self._sequence is not None, record=record, fault=fault, damage=self._damage
        )

    def open(self, record: RecordState) -> OpenedFiles:
        """Read the file in memory, and open the store.

        Args:
            record: the result of `claim`.
        """
        progress = ProgressFile(self._sequence_path.parent)
        in_memory = progress.read()
        self._disk.open()
        return OpenedFiles(
            record=record, progress=progress, in_memory=in_memory, store=self._disk.take_state()
        )

    def retry(self) -> tuple[RecordState, StoredState]:
        """Open what is not open, and allow writing again.

        Raises:
            SpoolError: another daemon now uses the folder.
        """
        record = self.claim()
        self._disk.retry()
        return record, self._disk.take_state()

    def commit(self, group: CommitGroup) -> tuple[StoreSummary | None, StoredState]:
        """Make a group durable; return the new content of the store, or None if the disk fails."""
        summary = self._disk.write(
            lambda store: store.commit(
                group.add, group.remove, next_seq=group.next_seq, running_ns=group.running_ns
            )
        )
        return summary, self._disk.take_state()

    def read_page(self, seqs: Sequence[int]) -> tuple[list[SpoolItem] | None, StoredState]:
        """Read stored messages; return None in their place if the disk fails."""
        return self._disk.read(lambda store: store.read_page(seqs)), self._disk.take_state()

    def write_record(self, record: SequenceRecord) -> str | None:
        """Write the record of the numbers durably; return the reason if that fails."""
        if self._sequence is None:
            return f"{self._sequence_path}: is not open"
        try:
            self._sequence.write(record)
        except OSError as error:
            return self._describe(error)
        return None

    def close(self, record: SequenceRecord | None = None) -> bool:
        """Write the last record, and close the files.

        Args:
            record: what the next run has to know; None writes nothing.

        Returns:
            Whether the record was written, and the next run will find it.
        """
        is_recorded = record is not None and self.write_record(record) is None
        if self._sequence is not None:
            is_recorded = is_recorded and self._sequence.is_in_place(self._sequence_path)
            self._sequence.close()
            self._sequence = None
        self._disk.close()
        return is_recorded

    def _note_quarantine(self, sequence: SequenceFile) -> None:
        if sequence.quarantined_path is not None and self._damage is None:
            self._damage = (
                f"{self._sequence_path} was unreadable; it was quarantined as"
                f" {sequence.quarantined_path}"
            )
            _log.error("spool: %s", self._damage)

    def _describe(self, error: OSError) -> str:
        return f"{self._sequence_path}: {error.strerror or error}"
