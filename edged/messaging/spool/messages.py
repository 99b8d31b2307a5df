"""What the owner of the spool knows: the waiting messages, their numbers, and what was lost."""

from collections.abc import Callable
from dataclasses import dataclass

from edged.clock import NS_PER_S, Clock, RunningTime
from edged.messaging.spool.backlog import Backlog
from edged.messaging.spool.disk import StoredState
from edged.messaging.spool.files import CommitGroup, OpenedFiles, RecordState
from edged.messaging.spool.gaps import EncodeGap, LossReporter
from edged.messaging.spool.index import MessageSize
from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.loss import LossReason
from edged.messaging.spool.retention import RetentionLimits
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.sequence_numbers import SequenceNumbers
from edged.messaging.spool.unnumbered import UnnumberedMessages

_COMMIT_GROUP_SIZE = 64
_COMMIT_INTERVAL_NS = NS_PER_S
_NEVER_NS = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRules:
    """What a spool is made with.

    Attributes:
        limits: the limits of its size and age.
        clock: the clock of group commits and ages.
        encode_gap: makes gap records.
    """

    limits: RetentionLimits
    clock: Clock
    encode_gap: EncodeGap


class WaitingMessages:
    """The state in memory, which the results of the disk's jobs bring up to date. It waits for nothing."""

    def __init__(self, opened: OpenedFiles, rules: SpoolRules) -> None:
        """Take over what the earlier runs left.

        Args:
            opened: the files of the earlier runs.
            rules: the limits and the clock.
        """
        self._limits = rules.limits
        self._clock = rules.clock
        self._last_commit_ns = rules.clock.monotonic_ns()
        content = opened.store.content
        previous_ns = 0 if content is None else content.summary.running_ns
        self._running_time = RunningTime(rules.clock, previous_ns=previous_ns)
        self.numbers = SequenceNumbers(opened, wall_ms=rules.clock.wall_ns() * 1000 // NS_PER_S)
        self.backlog = Backlog()
        self._losses = LossReporter(
            self.backlog, self.numbers, self._running_time, rules.encode_gap
        )
        self.store = opened.store
        """How the last job has left the store."""
        self._must_commit = True
        self.take_store(opened.store)
        self.note_progress()

    @property
    def oldest_age_s(self) -> float | None:
        """Running time in seconds since the first waiting message was made; None if none waits."""
        created_ns = self.backlog.index.first_created_ns
        if created_ns is None:
            return None
        return max(0, self._running_time.read_ns() - created_ns) / NS_PER_S

    def append(self, rank: Rank, topic: str, encode: Callable[[int], bytes]) -> int:
        """Give a message its number, and queue it; return the number."""
        seq, backlog = self.numbers.allocate(), self.backlog
        backlog.put(SpoolItem(seq, rank, topic, encode(seq), self._running_time.read_ns()))
        if backlog.index.size_bytes > self._limits.max_bytes:
            self._drop("full", self._limits.select_excess(backlog.index, backlog.in_flight))
        return seq

    def append_unnumbered(self, unnumbered: UnnumberedMessages) -> None:
        """Queue what waited for numbers, in order."""
        messages, dropped_after = unnumbered.take()
        for message in messages:
            if message.dropped_before:
                self._losses.report_unqueued(message.dropped_before)
            self.append(message.rank, message.topic, message.encode)
        if dropped_after:
            self._losses.report_unqueued(dropped_after)
        self.bound_memory()
        self._must_commit = True
        self.note_progress()

    def bound_memory(self) -> None:
        """Give up messages if too many are in memory only."""
        backlog = self.backlog
        if backlog.uncommitted_bytes > self._limits.max_memory_bytes:
            self._drop("disk", self._limits.select_memory_excess(backlog, backlog.in_flight))

    def expire(self) -> None:
        """Give up the messages that are too old."""
        running_ns, backlog = self._running_time.read_ns(), self.backlog
        self._drop(
            "expired", self._limits.select_expired(backlog.index, backlog.in_flight, running_ns)
        )
        self.note_progress()

    def ack(self, seq: int) -> None:
        """Remove a message that was handed out and has arrived."""
        if self.backlog.in_flight.pop(seq, None) is not None:
            self.backlog.remove(seq)
            self._losses.records.remove(seq)

    def give_up(self, seq: int) -> bool:
        """Replace a message that the broker will never accept by a gap record; return False if that is not possible."""
        is_replaced = self._losses.replace_rejected(seq)
        self.note_progress()
        return is_replaced

    def note_progress(self) -> None:
        """Record in memory how far the messages have come."""
        next_seq, records, backlog = self.numbers.next, self._losses.records, self.backlog
        first_waiting, first_unsafe = backlog.index.first_seq, backlog.first_uncommitted_seq
        first_waiting = next_seq if first_waiting is None else first_waiting
        first_unsafe = next_seq if first_unsafe is None else first_unsafe
        if records.first_reported:  # what a waiting record reports is lost with it
            first_waiting = records.find_lowest_seq(first_waiting)
            first_unsafe = records.find_lowest_seq(first_unsafe)
        self.numbers.note_progress(first_waiting=first_waiting, first_unsafe=first_unsafe)

    # ---- Commits ---------------------------------------------------------------------------------------------------------------

    @property
    def is_group_complete(self) -> bool:
        """Whether so much is to be committed that no time is left to wait for more."""
        backlog = self.backlog
        return (
            self._must_commit
            or backlog.uncommitted_count >= _COMMIT_GROUP_SIZE
            or backlog.removal_count >= _COMMIT_GROUP_SIZE
        )

    @property
    def is_commit_due(self) -> bool:
        """Whether a commit must begin, and may."""
        return self.store.is_writable and self.commit_due_ns <= 0

    @property
    def commit_due_ns(self) -> int:
        """Nanoseconds until a commit must begin, 0 or less if one must now; a very large number if there is nothing to commit."""
        first_ns = self.backlog.first_uncommitted_ns
        if self.is_group_complete:
            return 0
        if first_ns is not None:
            return _COMMIT_INTERVAL_NS + first_ns - self._running_time.read_ns()
        if self.backlog.removal_count:
            return _COMMIT_INTERVAL_NS + self._last_commit_ns - self._clock.monotonic_ns()
        return _NEVER_NS

    def request_commit(self) -> None:
        """Let a commit begin as soon as the disk is free."""
        self._must_commit = True

    def begin_commit(self) -> CommitGroup:
        """Return what is to be made durable."""
        self._must_commit = False
        self._last_commit_ns = self._clock.monotonic_ns()
        return self.backlog.begin_commit(
            next_seq=self.numbers.next, running_ns=self._running_time.read_ns()
        )

    def end_commit(self, result: tuple[StoreSummary | None, StoredState]) -> None:
        """Take note of the result of a commit."""
        stored, store = result
        self.backlog.end_commit(is_durable=stored is not None, is_doubtful=store.must_reopen)
        if stored is not None:
            self.numbers.note_commit(stored)
        self.take_store(store)
        self.note_progress()

    def end_reservation(self, fault: str | None) -> None:
        """Take note that the next numbers are reserved, or that this failed with a `fault`."""
        self.numbers.end_reservation(fault)
        self.note_progress()

    def end_page(
        self, seqs: tuple[int, ...], result: tuple[list[SpoolItem] | None, StoredState]
    ) -> None:
        """Take the messages that were read."""
        items, store = result
        if items is not None:
            self.backlog.add_page(seqs, items)
        elif store.content is None:
            self.backlog.is_unreadable = True
        self.take_store(store)

    def end_retry(self, result: tuple[RecordState, StoredState]) -> None:
        """Take note of what a retry has opened."""
        record, store = result
        if self.numbers.fault:
            self._losses.report_suspects(self.numbers.recover_late(record))
        self.take_store(store)
        self._must_commit = True
        self.numbers.request_reservation()
        self.note_progress()

    def take_store(self, store: StoredState) -> None:
        """Take over how a job has left the store, and its content if the file was opened or replaced."""
        self.store = store
        if store.content is None:
            return
        self.note_progress()
        self.backlog.load(store.content.index)
        self._losses.records.restore(self.backlog.list_gaps(store.content.gaps))
        suspects = self.numbers.recover(store.content.summary, is_damaged=store.content.is_damaged)
        self._losses.report_suspects(suspects)
        self._must_commit = True
        self.note_progress()

    def _drop(self, reason: LossReason, victims: list[MessageSize]) -> None:
        if victims:
            self._losses.report_dropped(reason, victims)
            self._must_commit = True
