"""The queue of messages that wait for an acknowledgement.

A message gets its number when it is appended and may be handed out at once. If it is acknowledged before the next group
commit it never touches the disk, which spares SD cards; otherwise the commit makes it durable, at the latest after one
second or 64 messages. What is lost on the way is always told by a gap record, which is a queued message itself.

Ages are measured on a line of running time that is stored with each commit: a wall clock that is set forward must not expire
everything, and the time in which the device was off does not count.
"""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import msgspec

from edged.clock import NS_PER_S, Clock
from edged.messaging.spool.backlog import Backlog
from edged.messaging.spool.disk import Disk
from edged.messaging.spool.gaps import Gaps
from edged.messaging.spool.loss import Loss, Reason, merge
from edged.messaging.spool.numbers import Numbers
from edged.messaging.spool.store import Item, Rank, Sized

_GROUP = 64
_GROUP_NS = NS_PER_S
_EXPIRY_NS = 60 * NS_PER_S
_RETRY_NS = 30 * NS_PER_S
_IDLE_S = 30.0
_MEMORY_BYTES = 4 * 2**20
_ROOM = 0.9
"""How full a full queue is after it made room: giving up a tenth at once keeps gap records few."""

Describe = Callable[[int, Loss], tuple[str, bytes]]
"""Makes the gap record of a number and a loss: its topic and its payload."""


class Spool:
    """Bounded by bytes and age; one thread uses it."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Clock,
        describe: Describe,
        memory_bytes: int = _MEMORY_BYTES,
    ) -> None:
        """Open what an earlier run left, or begin anew.

        Args:
            folder: where the files are; made if it is not there.
            max_bytes: most bytes of payload that are kept.
            max_age_s: running time after which a message is dropped.
            clock: for group commits and ages.
            describe: makes gap records.
            memory_bytes: most bytes of payload that are kept while the disk fails.

        Raises:
            SpoolError: another daemon has the folder. A disk that fails is a `fault` instead.
        """
        self._max_bytes = max_bytes
        self._max_age_ns = int(max_age_s * NS_PER_S)
        self._memory_bytes = min(memory_bytes, max_bytes)
        self._clock = clock
        self._describe = describe
        self._handed: dict[int, int] = {}
        self._cursor = -1
        self._gaps = Gaps()
        self._opened_ns = clock.monotonic_ns()
        self._committed_ns = self._expired_ns = self._tried_ns = self._opened_ns
        self._numbers = Numbers(folder / "sequence", wall_ms=clock.wall_ns() * 1000 // NS_PER_S)
        self._disk = Disk(folder / "spool.db")
        self._backlog = Backlog(self._disk)
        self._ran_before_ns = self._backlog.load().ran_ns
        self._settle()

    @property
    def fault(self) -> str:
        """Why the disk is not in use, in words; empty if it is."""
        return self._disk.fault or self._numbers.fault

    @property
    def depth(self) -> int:
        """Messages that wait for their acknowledgement."""
        return self._backlog.count

    @property
    def size_bytes(self) -> int:
        """Of their payloads."""
        return self._backlog.size

    @property
    def oldest_age_s(self) -> float | None:
        """Running time since the first in line was made; None if nothing waits."""
        made_ns = self._backlog.oldest_ns()
        return None if made_ns is None else max(0, self._line_ns() - made_ns) / NS_PER_S

    def append(self, rank: Rank, topic: str, encode: Callable[[int], bytes]) -> int:
        """Queue a message.

        Args:
            rank: how much it matters.
            topic: where it goes.
            encode: makes the payload of its number.

        Returns:
            Its number.
        """
        seq = self._numbers.take(self._unsafe())
        self._backlog.put(Item(seq, rank, topic, encode(seq), self._line_ns()))
        if self._backlog.size > self._max_bytes:
            self._make_room()
        if self._backlog.fresh_count >= _GROUP:
            self._commit()
        if self._backlog.fresh_bytes > self._memory_bytes:
            self._make_room_in_memory()
        return seq

    def next_unsent(self, limit: int) -> list[Item]:
        """Hand out at most `limit` messages, in the order of their numbers, that were not handed out since `rewind`."""
        items = self._backlog.after(self._cursor, limit + len(self._handed))
        items = [item for item in items if item.seq not in self._handed][:limit]
        for item in items:
            self._handed[item.seq] = len(item.payload)
            self._cursor = item.seq
        return items

    def ack(self, seq: int) -> None:
        """A message that was handed out has arrived: forget it. Repeats and unknown numbers do nothing."""
        size = self._handed.pop(seq, None)
        if size is None:
            return
        self._backlog.remove(seq, size)
        self._gaps.forget(seq)

    def rewind(self) -> None:
        """Hand out everything again that is not acknowledged: the link was lost."""
        self._handed.clear()
        self._cursor = -1

    def tick(self) -> float:
        """Commit, expire, try a failed disk again, as far as it is due; the seconds until something is due next."""
        now_ns = self._clock.monotonic_ns()
        self._tell_if_set_aside()
        if self.fault and now_ns - self._tried_ns >= _RETRY_NS:
            self._tried_ns = now_ns
            self._numbers.claim()
            self._disk.open()
            self._settle()
        if now_ns - self._expired_ns >= _EXPIRY_NS:
            self._expired_ns = now_ns
            self._expire()
        return self._tick_commit(now_ns)

    def close(self) -> None:
        """Make everything durable and let go of the files."""
        safe = self._backlog.commit(next_seq=self._numbers.next, ran_ns=self._line_ns())
        self._numbers.close(clean=safe)
        self._disk.close()

    def _line_ns(self) -> int:
        """The moment on the line of running time."""
        return self._ran_before_ns + self._clock.monotonic_ns() - self._opened_ns

    def _settle(self) -> None:
        """Take up what the disk holds, at the start or after a fault."""
        stored = self._backlog.load()
        self._gaps.restore(self._backlog.gaps())
        lost = self._numbers.settle(known=stored.next_seq, unsafe=self._unsafe())
        if lost is not None:
            self._tell(Loss("unclean_stop", (lost,), None))
        self._tell_if_set_aside()
        self._cursor = -1
        self._commit()

    def _unsafe(self) -> int | None:
        """The lowest number that only memory knows of, be it in a gap record."""
        first = self._backlog.first_fresh
        return None if first is None else self._gaps.lowest(first.seq)

    def _commit(self) -> None:
        self._committed_ns = self._clock.monotonic_ns()
        self._backlog.commit(next_seq=self._numbers.next, ran_ns=self._line_ns())
        self._tell_if_set_aside()

    def _tick_commit(self, now_ns: int) -> float:
        first = self._backlog.first_fresh
        if first is not None:
            waited_ns = self._line_ns() - first.made_ns
        elif self._backlog.gone_count:
            waited_ns = now_ns - self._committed_ns
        else:
            return _IDLE_S
        if waited_ns >= _GROUP_NS or self._backlog.gone_count >= _GROUP:
            self._commit()
            return _IDLE_S
        return (_GROUP_NS - waited_ns) / NS_PER_S

    def _expire(self) -> None:
        old = self._backlog.made_before(self._line_ns() - self._max_age_ns)
        self._drop("expired", [pair for pair in old if pair[0] not in self._handed])

    def _make_room(self) -> None:
        excess = self._backlog.size - int(self._max_bytes * _ROOM)
        self._drop("full", self._victims(self._backlog.sizes, excess))

    def _make_room_in_memory(self) -> None:
        excess = self._backlog.fresh_bytes - int(self._memory_bytes * _ROOM)
        self._drop("disk", self._victims(self._backlog.fresh_sizes, excess))

    def _victims(self, sizes: Callable[[Rank], list[Sized]], excess: int) -> list[Sized]:
        """The least important, then the oldest, that make up `excess` bytes; nothing that is on its way."""
        ranked = chain.from_iterable(sizes(rank) for rank in (Rank.UPDATE, Rank.EVENT))
        victims: list[Sized] = []
        for seq, size in ranked:
            if excess <= 0:
                break
            if seq not in self._handed:
                victims.append((seq, size))
                excess -= size
        return victims

    def _drop(self, reason: Reason, victims: list[Sized]) -> None:
        if not victims:
            return
        for seq, size in victims:
            self._backlog.remove(seq, size)
        self._tell(Loss(reason, merge((seq, seq) for seq, _ in victims), len(victims)))
        self._commit()

    def _tell(self, loss: Loss) -> None:
        """Queue a gap record; one of the same reason that still waits goes up in it."""
        loss, replaced = self._gaps.absorb(loss, self._handed)
        if replaced is not None:
            self._backlog.remove(replaced.seq, len(replaced.payload))
        seq = self._numbers.take(self._unsafe())
        topic, payload = self._describe(seq, loss)
        record = Item(seq, Rank.GAP, topic, payload, self._line_ns(), msgspec.json.encode(loss))
        self._backlog.put(record)
        self._gaps.add(record)

    def _tell_if_set_aside(self) -> None:
        """A damaged file took everything with it that was not in memory."""
        if self._disk.set_aside is None:
            return
        self._disk.set_aside = None
        self._backlog.forget_stored()
        self._gaps.clear()
        unsafe = self._unsafe()
        last = (self._numbers.next if unsafe is None else unsafe) - 1
        self._tell(Loss("corrupt", ((1, last),), None))
