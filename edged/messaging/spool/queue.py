"""The queue of messages that wait for an acknowledgement.

A message gets its number when it is appended, and may be handed out at once. If it is acknowledged before the next group commit,
it is never written to the disk, which spares SD cards; otherwise the commit makes it durable, after at most one second or 64
messages. Every lost message is reported by a gap record, which is a queued message itself.
"""

from collections.abc import Callable
from pathlib import Path

from edged.clock import NS_PER_S, Clock, RunningTime
from edged.messaging.spool.backlog import Backlog, SendWindow
from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.gaps import EncodeGap, LossReporter
from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.loss import LossReason
from edged.messaging.spool.retention import RetentionLimits
from edged.messaging.spool.sequence_numbers import SequenceNumbers
from edged.messaging.spool.store import MessageSize

_COMMIT_GROUP_SIZE = 64
_COMMIT_INTERVAL_NS = NS_PER_S
_EXPIRY_INTERVAL_NS = 60 * NS_PER_S
_RETRY_INTERVAL_NS = 30 * NS_PER_S
_IDLE_S = 30.0
_MAX_MEMORY_BYTES = 4 * 2**20


class Spool:
    """A queue bounded by bytes and age; one thread uses it."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Clock,
        encode_gap: EncodeGap,
        max_memory_bytes: int = _MAX_MEMORY_BYTES,
    ) -> None:
        """Open the queue of an earlier run, or create a new one.

        Args:
            folder: where the files are; created if necessary.
            max_bytes: limit of the payload bytes that are kept.
            max_age_s: running time in seconds after which a message is dropped.
            clock: the clock of group commits and ages.
            encode_gap: makes gap records.
            max_memory_bytes: limit of the payload bytes that are kept while the disk fails.

        Raises:
            SpoolError: another daemon uses the folder. (A disk that fails sets `fault` instead.)
        """
        self._limits = RetentionLimits(
            max_bytes=max_bytes,
            max_memory_bytes=min(max_memory_bytes, max_bytes),
            max_age_ns=int(max_age_s * NS_PER_S),
        )
        self._clock = clock
        now_ns = clock.monotonic_ns()
        self._last_commit_ns = self._last_expiry_ns = self._last_retry_ns = now_ns
        self._numbers = SequenceNumbers(
            folder / "sequence", wall_ms=clock.wall_ns() * 1000 // NS_PER_S
        )
        self._disk = SpoolDisk(folder / "spool.db")
        self._backlog = Backlog(self._disk)
        self._running_time = RunningTime(clock, previous_ns=self._backlog.load().running_ns)
        self._window = SendWindow(self._numbers.next)
        self._losses = LossReporter(self._backlog, self._numbers, self._running_time, encode_gap)
        self._recover()
        self._note_progress()

    @property
    def fault(self) -> str | None:
        """The reason why the disk is not in use; None if it is."""
        faults = [fault for fault in (self._disk.fault, self._numbers.fault) if fault]
        return "; ".join(faults) or None

    @property
    def damage(self) -> str | None:
        """What was quarantined since the start, and why; None if nothing was."""
        return self._disk.damage or self._numbers.damage

    @property
    def depth(self) -> int:
        """Number of messages that wait for their acknowledgement."""
        return self._backlog.count

    @property
    def size_bytes(self) -> int:
        """Payload bytes of all waiting messages."""
        return self._backlog.size_bytes

    @property
    def oldest_age_s(self) -> float | None:
        """Running time in seconds since the first waiting message was made; None if none waits."""
        created_ns = self._backlog.read_oldest_created_ns()
        if created_ns is None:
            return None
        return max(0, self._running_time.read_ns() - created_ns) / NS_PER_S

    def append(self, rank: Rank, topic: str, encode: Callable[[int], bytes]) -> int:
        """Queue a message.

        Args:
            rank: its importance.
            topic: where to publish it.
            encode: makes the payload from the message's number.

        Returns:
            The message's number.
        """
        seq = self._numbers.allocate()
        self._backlog.put(SpoolItem(seq, rank, topic, encode(seq), self._running_time.read_ns()))
        self._drop("full", self._limits.select_excess(self._backlog, self._window.in_flight))
        if self._backlog.uncommitted_count >= _COMMIT_GROUP_SIZE:
            self._commit()
        self._drop("disk", self._limits.select_memory_excess(self._backlog, self._window.in_flight))
        self._note_progress()
        return seq

    def take_unsent(self, max_count: int) -> list[SpoolItem]:
        """Hand out, in order, at most `max_count` messages that were not handed out since `rewind`."""
        window = self._window
        items = self._backlog.read_after(window.cursor, max_count + len(window.in_flight))
        items = [item for item in items if item.seq not in window.in_flight][:max_count]
        for item in items:
            window.add(item)
        return items

    def ack(self, seq: int) -> None:
        """Remove a message that was handed out and has arrived; repeated and unknown numbers are ignored."""
        size = self._window.in_flight.pop(seq, None)
        if size is None:
            return
        self._backlog.remove(seq, size)
        self._losses.records.remove(seq)

    def give_up(self, seq: int) -> bool:
        """Replace a message that the broker will never accept by a gap record; return False if that is not possible."""
        return self._losses.replace_rejected(seq, self._window.in_flight)

    def rewind(self) -> None:
        """Hand out every unacknowledged message again, because the link was lost."""
        self._window.rewind(self._backlog)

    def tick(self) -> float:
        """Commit, expire messages and retry a failed disk when each is due; return the seconds until the next is due.

        Raises:
            SpoolError: another daemon now uses the folder.
        """
        now_ns = self._clock.monotonic_ns()
        self._load_store()
        self._note_progress()
        if self.fault and now_ns - self._last_retry_ns >= _RETRY_INTERVAL_NS:
            self._last_retry_ns = now_ns
            self._retry()
        if now_ns - self._last_expiry_ns >= _EXPIRY_INTERVAL_NS:
            self._last_expiry_ns = now_ns
            running_ns = self._running_time.read_ns()
            self._drop(
                "expired",
                self._limits.select_expired(self._backlog, self._window.in_flight, running_ns),
            )
        return self._commit_if_due(now_ns)

    def close(self) -> int:
        """Make everything durable and close the files; return the number of messages that are lost because the disk fails."""
        self._commit()
        self._note_progress()
        self._numbers.close(is_clean=True)
        self._disk.close()
        return self._backlog.uncommitted_count

    def _recover(self) -> None:
        """Load what the disk holds, at the start or after a fault."""
        self._load_store()
        self._commit()
        self._numbers.reserve()  # the record names the store, so it is written when that is up to date

    def _retry(self) -> None:
        if self._numbers.fault:
            self._numbers.claim()
            self._losses.report_suspects(self._numbers.recover_late(), self._window.in_flight)
        if self._disk.fault:
            self._disk.retry()
        self._recover()

    def _load_store(self) -> None:
        """Take over the content of the store, if it was opened or replaced."""
        if not self._disk.is_new:
            return
        self._note_progress()
        is_damaged = self._disk.quarantined_path is not None
        self._disk.is_new, self._disk.quarantined_path = False, None
        stored = self._backlog.load()
        self._losses.records.restore(self._backlog.read_gaps())
        suspects = self._numbers.recover(stored, is_damaged=is_damaged)
        self._window.restart(self._backlog.read_seqs(), self._numbers.next)
        self._losses.report_suspects(suspects, self._window.in_flight)
        self._note_progress()

    def _note_progress(self) -> None:
        next_seq, gaps = self._numbers.next, self._losses.records
        first_waiting = self._window.find_first_waiting(self._backlog, next_seq)
        uncommitted = self._backlog.first_uncommitted
        first_unsafe = next_seq if uncommitted is None else uncommitted.seq
        if gaps.first_reported:  # what a waiting record reports is lost with it
            first_waiting = gaps.find_lowest_seq(first_waiting)
            first_unsafe = gaps.find_lowest_seq(first_unsafe)
        self._numbers.note_progress(first_waiting=first_waiting, first_unsafe=first_unsafe)

    def _commit(self) -> None:
        self._last_commit_ns = self._clock.monotonic_ns()
        self._load_store()
        self._try_commit()
        if self._disk.is_new:  # it was damaged
            self._load_store()
            self._try_commit()

    def _try_commit(self) -> None:
        stored = self._backlog.commit(
            next_seq=self._numbers.next, running_ns=self._running_time.read_ns()
        )
        if stored is not None:
            self._numbers.note_commit(stored)
            self._note_progress()

    def _commit_if_due(self, now_ns: int) -> float:
        first = self._backlog.first_uncommitted
        if first is not None:
            waited_ns = self._running_time.read_ns() - first.created_ns
        elif self._backlog.pending_delete_count:
            waited_ns = now_ns - self._last_commit_ns
        else:
            return _IDLE_S
        if (
            waited_ns >= _COMMIT_INTERVAL_NS
            or self._backlog.pending_delete_count >= _COMMIT_GROUP_SIZE
        ):
            self._commit()
            return _IDLE_S
        return (_COMMIT_INTERVAL_NS - waited_ns) / NS_PER_S

    def _drop(self, reason: LossReason, victims: list[MessageSize]) -> None:
        if victims:
            self._losses.report_dropped(reason, victims, self._window.in_flight)
            self._commit()
