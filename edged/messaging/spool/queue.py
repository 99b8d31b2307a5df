"""The queue of messages that wait for an acknowledgement.

A message gets its number when it is appended, and may be handed out at once. If it is acknowledged before the next group commit,
it is never written to the disk, which spares SD cards; otherwise a commit is begun after at most one second or 64 messages. Every lost
message is reported by a gap record, which is a queued message itself.

The state is in memory. The disk only follows: one job at a time, and whatever happens meanwhile is part of the next.
"""

from collections.abc import Callable
from pathlib import Path

from edged.clock import NS_PER_S, Clock
from edged.disk_thread import DiskQueue, InlineDiskQueue
from edged.messaging.spool.files import SpoolFiles
from edged.messaging.spool.gaps import EncodeGap
from edged.messaging.spool.item import Rank, SpoolItem
from edged.messaging.spool.jobs import SpoolJobs
from edged.messaging.spool.messages import SpoolRules
from edged.messaging.spool.retention import RetentionLimits
from edged.messaging.spool.silence import describe_silence
from edged.messaging.spool.unnumbered import UnnumberedMessage

_EXPIRY_INTERVAL_NS = 60 * NS_PER_S
_RETRY_INTERVAL_NS = 30 * NS_PER_S
_IDLE_S = 30.0
_CLOSE_TIMEOUT_S = 0.5
_MAX_MEMORY_BYTES = 4 * 2**20


class Spool:
    """A queue bounded by bytes and age; one thread uses it, and no call waits for the disk unless the disk queue does."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Clock,
        encode_gap: EncodeGap,
        max_memory_bytes: int = _MAX_MEMORY_BYTES,
        disk: DiskQueue | None = None,
    ) -> None:
        """Begin to open the queue of an earlier run, or to create a new one.

        Args:
            folder: where the files are; created if necessary.
            max_bytes: limit of the payload bytes that are kept.
            max_age_s: running time in seconds after which a message is dropped.
            clock: the clock of group commits and ages.
            encode_gap: makes gap records.
            max_memory_bytes: limit of the payload bytes that are kept while the disk fails or is silent.
            disk: does the disk's jobs, no others; None does each at once.

        Raises:
            SpoolError: another daemon uses the folder. (A disk that fails sets `fault` instead.)
        """
        limits = RetentionLimits(
            max_bytes=max_bytes,
            max_memory_bytes=min(max_memory_bytes, max_bytes),
            max_age_ns=int(max_age_s * NS_PER_S),
        )
        self._folder = folder
        self._clock = clock
        self._last_expiry_ns = self._last_retry_ns = clock.monotonic_ns()
        self._jobs = SpoolJobs(
            SpoolFiles(folder),
            InlineDiskQueue() if disk is None else disk,
            SpoolRules(limits=limits, clock=clock, encode_gap=encode_gap),
        )
        self._jobs.open()

    def await_lock(self, timeout_s: float) -> None:
        """Wait until other daemons are kept out of the folder, `timeout_s` seconds at most.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        self._jobs.await_claim(timeout_s)

    def call_on_change(self, on_change: Callable[[], object]) -> None:
        """Call `on_change` whenever the disk has answered: there may be more to hand out."""
        self._jobs.on_change = on_change

    @property
    def fault(self) -> str | None:
        """The reason why the disk is not in use; None if it is."""
        faults = [self._failure, describe_silence(self._folder, self._jobs.silent_s)]
        return "; ".join(fault for fault in faults if fault) or None

    @property
    def damage(self) -> str | None:
        """What was quarantined since the start, and why; None if nothing was."""
        messages = self._jobs.messages
        return None if messages is None else messages.store.damage or messages.numbers.damage

    @property
    def depth(self) -> int:
        """Number of messages that wait for their acknowledgement."""
        stored = 0 if self._jobs.messages is None else self._jobs.messages.backlog.index.count
        return stored + len(self._jobs.unnumbered)

    @property
    def size_bytes(self) -> int:
        """Payload bytes of all waiting messages that have a number."""
        return 0 if self._jobs.messages is None else self._jobs.messages.backlog.index.size_bytes

    @property
    def oldest_age_s(self) -> float | None:
        """Running time in seconds since the first waiting message was made; None if none waits."""
        return None if self._jobs.messages is None else self._jobs.messages.oldest_age_s

    def append(self, rank: Rank, topic: str, encode: Callable[[int], bytes]) -> int | None:
        """Queue a message.

        Args:
            rank: its importance.
            topic: where to publish it.
            encode: makes the payload from the message's number.

        Returns:
            The message's number; None if it gets one later, because the disk has not answered yet.
        """
        messages = self._jobs.messages
        if messages is None or not messages.numbers.may_allocate:
            self._jobs.unnumbered.put(UnnumberedMessage(rank, topic, encode))
            return None
        seq = messages.append(rank, topic, encode)
        if messages.is_group_complete or messages.numbers.is_reservation_due:
            self._jobs.advance()
        messages.bound_memory()
        messages.note_progress()
        return seq

    def take_unsent(self, max_count: int) -> list[SpoolItem]:
        """Hand out, in order, at most `max_count` messages that were not handed out since `rewind`.

        What must be read from the disk first is handed out by a later call, after `on_change`.
        """
        messages = self._jobs.messages
        if messages is None or not messages.numbers.is_ready:
            return []
        backlog = messages.backlog
        items = backlog.take(max_count)
        while backlog.is_page_due and self._jobs.advance() and not self._jobs.is_busy:
            items += backlog.take(max_count - len(items))
        return items

    def ack(self, seq: int) -> None:
        """Remove a message that was handed out and has arrived; repeated and unknown numbers are ignored."""
        if self._jobs.messages is not None:
            self._jobs.messages.ack(seq)

    def give_up(self, seq: int) -> bool:
        """Replace a message that the broker will never accept by a gap record; return False if that is not possible."""
        return self._jobs.messages is None or self._jobs.messages.give_up(seq)

    def rewind(self) -> None:
        """Hand out every unacknowledged message again, because the link was lost."""
        if self._jobs.messages is not None:
            self._jobs.messages.backlog.rewind()

    def tick(self) -> float:
        """Begin to commit, expire messages and retry a failed disk when each is due; return the seconds until the next is due.

        Raises:
            SpoolError: another daemon now uses the folder.
        """
        now_ns = self._clock.monotonic_ns()
        messages = self._jobs.messages
        if messages is None:
            return _IDLE_S
        messages.note_progress()
        if self._failure and now_ns - self._last_retry_ns >= _RETRY_INTERVAL_NS:
            self._last_retry_ns = now_ns
            self._jobs.request_retry()
        if now_ns - self._last_expiry_ns >= _EXPIRY_INTERVAL_NS:
            self._last_expiry_ns = now_ns
            messages.expire()
        self._jobs.advance()
        if self._jobs.is_busy or not messages.store.is_writable:
            return _IDLE_S
        return min(messages.commit_due_ns / NS_PER_S, _IDLE_S)

    def close(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> int:
        """Make everything durable and close the files, unless the disk needs longer than `timeout_s` seconds.

        Returns:
            The number of messages that are lost, because the disk fails or is silent.
        """
        self._jobs.close(timeout_s)
        messages = self._jobs.messages
        uncommitted_count = 0 if messages is None else messages.backlog.uncommitted_count
        return uncommitted_count + len(self._jobs.unnumbered)

    @property
    def _failure(self) -> str | None:
        if self._jobs.messages is None:
            return None
        faults = (self._jobs.messages.store.fault, self._jobs.messages.numbers.fault)
        return "; ".join(fault for fault in faults if fault) or None
