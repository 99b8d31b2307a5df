"""A random walk of a spool whose disk answers at any time or not at all, beside a plain account of what must be true."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import msgspec

from edged.errors import SpoolDamageError
from edged.messaging.spool import MessageLoss, Rank, Spool, SpoolItem
from edged.messaging.spool.disk import SpoolDisk
from edged.messaging.spool.loss import SeqRange
from edged.messaging.spool.sequence_file import ProgressFile
from edged.messaging.spool.store import SpoolStore
from support.clock import FakeClock
from support.scripted_disk import ScriptedDisk

_LIMITS = ((1_000_000, 1_000_000), (30_000, 30_000), (1_000_000, 8_000))


class SpoolWalk:
    """One spool over several runs.

    Args:
        folder: folder for its files.
        rng: decides everything that is random.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._folder = folder / "spool"
        self._rng = rng
        self._clock = FakeClock()
        self._made: dict[int, bytes] = {}
        self._sent: dict[int, SpoolItem] = {}
        self._text_count = 0
        self._durable: set[int] = set()
        self.log: list[str] = []
        self._begin()

    # ---- Runs ------------------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._disk = ScriptedDisk()
        max_bytes, max_memory_bytes = self._rng.choice(_LIMITS)
        self._in_flight: dict[int, SpoolItem] = {}
        self._acked: set[int] = set()
        self._last_sent = -1
        self._is_in_order = True
        self._spool = Spool(
            self._folder,
            max_bytes=max_bytes,
            max_memory_bytes=max_memory_bytes,
            max_age_s=3600,
            clock=self._clock,
            encode_gap=self._encode_gap,
            disk=self._disk,
        )

    def _encode_gap(self, seq: int, _: MessageLoss) -> tuple[str, bytes]:
        payload = b"gap %d %d" % (seq, self._rng.randrange(10**9))
        self._note_made(seq, payload)
        return "gap", payload

    def _note_made(self, seq: int, payload: bytes) -> None:
        """A number is used once, except for a gap record that has never left the device: a power cut can take it and its number."""
        if seq in self._made:
            assert self._made[seq].startswith(b"gap"), f"{seq} is used twice"
            assert seq not in self._sent, f"{seq} is used twice"
        self._made[seq] = payload

    def walk(self, count: int) -> None:
        """Take so many random steps."""
        steps = self._list_steps()
        for _ in range(count):
            (step,) = self._rng.choices(list(steps), weights=list(steps.values()))
            self.log.append(step.__name__)
            step()

    def _list_steps(self) -> dict[Callable[[], None], int]:
        return {
            self._append: 20,
            self._take: 20,
            self._ack: 12,
            self._give_up: 1,
            self._rewind: 3,
            self._tick: 8,
            self._work: 20,
            self._report: 20,
            self._fail: 2,
            self._damage: 1,
            self._crash: 2,
            self._close: 1,
        }

    # ---- Steps -----------------------------------------------------------------------------------------------------------------

    def _append(self) -> None:
        rank = self._rng.choice((Rank.UPDATE, Rank.EVENT))
        for _ in range(self._rng.choice((1, 1, 3, 20, 100))):
            self._text_count += 1
            text = b"text %d " % self._text_count + b"x" * self._rng.randrange(200)

            def encode(seq: int, text: bytes = text) -> bytes:
                self._note_made(seq, b"%d " % seq + text)
                return self._made[seq]

            self._spool.append(rank, "t", encode)

    def _take(self) -> None:
        for item in self._spool.take_unsent(self._rng.choice((1, 5, 20, 300))):
            assert item.payload == self._made[item.seq], f"{item.seq} has another content"
            assert item.seq not in self._in_flight, f"{item.seq} is handed out twice"
            assert item.seq not in self._acked, f"{item.seq} comes again"
            assert item.seq > self._last_sent or not self._is_in_order, (
                f"{item.seq} is out of order"
            )
            self._last_sent = item.seq
            self._sent[item.seq] = self._in_flight[item.seq] = item

    def _ack(self) -> None:
        count = self._rng.choice((1, 5, 300))
        for seq in list(self._in_flight)[:count]:
            if self._rng.random() < 0.9:
                del self._in_flight[seq]
                self._acked.add(seq)
                self._spool.ack(seq)

    def _give_up(self) -> None:
        for seq in list(self._in_flight)[:1]:
            if self._spool.give_up(seq):
                del self._in_flight[seq], self._sent[seq]

    def _rewind(self) -> None:
        self._spool.rewind()
        self._in_flight.clear()
        self._last_sent = -1

    def _tick(self) -> None:
        self._clock.sleep(self._rng.choice((0.1, 1.0, 1.0, 31.0, 300.0)))
        self._spool.tick()

    def _work(self) -> None:
        self._disk.work()

    def _report(self) -> None:
        was_open = self._spool._jobs.messages is not None
        self._disk.report()
        messages = self._spool._jobs.messages
        if messages is not None and not was_open:
            lost = [seq for seq in self._durable if seq not in messages.backlog.index]
            assert lost == [], "what was durable is lost"
        if messages is not None and messages.backlog.is_unreadable:
            self._is_in_order = False
        self._note_durable()

    def _fail(self) -> None:
        """Let the next job fail, or fail after it has succeeded."""
        name = self._rng.choice(("commit", "read_page"))
        original = getattr(SpoolStore, name)
        is_done = self._rng.random() < 0.5

        def fail(store: SpoolStore, *args: object, **keywords: object) -> None:
            if is_done:
                original(store, *args, **keywords)
            raise _disk_error(self._rng.choice(("SQLITE_IOERR_FSYNC", "SQLITE_READONLY")))

        with patch.object(SpoolStore, name, fail):
            self._disk.work()

    def _damage(self) -> None:
        """Let the next job find damage, which the salvaged file does not have."""
        name = self._rng.choice(("commit", "read_page"))

        def find(*_: object, **_keywords: object) -> None:
            raise SpoolDamageError("a test")

        with _original_salvage(), patch.object(SpoolStore, name, find):
            self._disk.work()

    def _crash(self) -> None:
        """Leave what ``kill -9`` or a power cut leaves."""
        self._note_durable()
        copy = self._folder.with_name("copy")
        if self._folder.exists():
            shutil.copytree(self._folder, copy)
        progress = ProgressFile(self._folder)._path
        content = progress.read_bytes() if progress.exists() else None
        made = dict(self._made)
        self.end()
        self._made = made  # what the old run has made since does not count
        shutil.rmtree(self._folder)
        if copy.exists():
            copy.rename(self._folder)
        progress.unlink(missing_ok=True)
        if content is not None and self._rng.random() < 0.5:
            progress.write_bytes(content)
            progress.chmod(0o600)
        self._begin()

    def _close(self) -> None:
        self._note_durable()
        self._disk.answers_at_end = self._rng.random() < 0.5
        lost_count = self._spool.close(0.1)
        self._note_durable()
        if self._disk.answers_at_end and self._spool.fault is None:
            assert lost_count == 0
        for _ in range(self._rng.randrange(2)):  # what the thread still does
            self._disk.work()
        self._spool._jobs._files.close()
        self._begin()

    # ---- The account -----------------------------------------------------------------------------------------------------------

    def _note_durable(self) -> None:
        """Note which messages wait in the store according to the commits that were reported; gap records may be replaced."""
        messages = self._spool._jobs.messages
        if messages is not None:
            waiting = set(messages.backlog.index.iterate_after(-1))
            stored = waiting - messages.backlog._uncommitted.keys()
            self._durable = {seq for seq in stored if not self._made[seq].startswith(b"gap")}

    def check(self) -> None:
        """Let the disk work again, hand out what is left, and account for every number."""
        self._disk.settle()
        self._clock.sleep(31)
        self._spool.tick()
        self._disk.settle()
        assert self._spool.fault is None
        self._rewind()
        self._is_in_order = True
        for _ in range(1000):
            if self._spool.depth == 0:
                break
            self._take()
            for seq in list(self._in_flight):
                del self._in_flight[seq]
                self._spool.ack(seq)
            self._tick()
            self._disk.settle()
        named = self._list_named()
        # The number of a gap record that has never left the device may be used by nothing, above all others.
        texts = [seq for seq, payload in self._made.items() if not payload.startswith(b"gap")]
        missing = [seq for seq in texts if seq not in self._sent and not _is_in(named, seq)]
        assert missing == [], "lost in silence"
        for before, seq in pairwise(sorted(self._sent)):
            is_whole = before + 1 == seq or _covers(named, (before + 1, seq - 1))
            assert is_whole, f"a hole before {seq}"
        assert (self._spool.depth, self._spool.size_bytes) == (0, 0), "what waits is not handed out"

    def _list_named(self) -> tuple[SeqRange, ...]:
        records = [item.loss for item in self._sent.values() if item.loss is not None]
        ranges = [r for one in records for r in msgspec.json.decode(one, type=MessageLoss).ranges]
        joined: list[SeqRange] = []
        for first, last in sorted(ranges):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return tuple(joined)

    def end(self) -> None:
        """Close the files."""
        self._disk.answers_at_end = True
        self._spool.close()
        self._spool._jobs._files.close()


def _is_in(ranges: tuple[SeqRange, ...], seq: int) -> bool:
    return _covers(ranges, (seq, seq))


def _covers(ranges: tuple[SeqRange, ...], part: SeqRange) -> bool:
    return any(first <= part[0] and part[1] <= last for first, last in ranges)


@contextmanager
def _original_salvage() -> Iterator[None]:
    """Let a file that is only said to be damaged be copied whole."""
    original = SpoolDisk._make_replacement
    commit = SpoolStore.commit

    def make(disk: SpoolDisk, quarantined: Path) -> SpoolStore:
        with patch.object(SpoolStore, "commit", commit):
            return original(disk, quarantined)

    with patch.object(SpoolDisk, "_make_replacement", make):
        yield


def _disk_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"a test: {name}")
    error.sqlite_errorname = name
    return error
