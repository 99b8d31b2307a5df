"""A disk that answers late, or not at all: no call waits for it, and nothing is lost in silence."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edged.clock import Clock, SystemClock
from edged.disk_thread import DiskThread
from edged.errors import SpoolError
from edged.event_loop import EventLoop
from edged.messaging.spool import MessageLoss, Rank, Spool, SpoolItem
from edged.messaging.spool.sequence_file import decode_record
from edged.messaging.spool.sequence_numbers import BLOCK_SIZE
from edged.messaging.spool.store import SpoolStore
from support.clock import FakeClock
from support.scripted_disk import ScriptedDisk
from support.spool_files import kill_spool, open_store


class LateBench:
    """Opens spools in one folder, each with a disk that does its jobs when the test wants it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.changes = 0
        self.begin()

    def begin(self, *, max_bytes: int = 1_000_000, max_memory_bytes: int = 1_000_000) -> None:
        self.disk = ScriptedDisk()
        self.spool = Spool(
            self.folder,
            max_bytes=max_bytes,
            max_age_s=3600,
            max_memory_bytes=max_memory_bytes,
            clock=self.clock,
            encode_gap=lambda seq, loss: ("gap", f"{seq}:{loss.reason}".encode()),
            disk=self.disk,
        )
        self.spool.call_on_change(self.note_change)

    def note_change(self) -> None:
        self.changes += 1

    def open(self, **limits: int) -> None:
        self.begin(**limits)
        self.disk.settle()

    def append(self, count: int, rank: Rank = Rank.EVENT, size: int = 100) -> list[int | None]:
        return [self.spool.append(rank, "t", lambda _: b"x" * size) for _ in range(count)]

    def tick(self, seconds: float = 1.0) -> None:
        self.clock.sleep(seconds)
        self.spool.tick()

    def take(self, count: int = 100_000) -> list[SpoolItem]:
        return self.spool.take_unsent(count)

    def ack(self, items: list[SpoolItem]) -> None:
        for item in items:
            self.spool.ack(item.seq)

    def numbers(self) -> list[int]:
        return [item.seq for item in self.take()]

    def read_at_once(self) -> list[SpoolItem]:
        """Return what another run finds."""
        spool = Spool(
            self.folder,
            max_bytes=1_000_000,
            max_age_s=3600,
            clock=self.clock,
            encode_gap=lambda seq, loss: ("gap", f"{seq}:{loss.reason}".encode()),
        )
        items = spool.take_unsent(100_000)
        spool.close()
        return items


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LateBench]:
    bench = LateBench(tmp_path / "spool")
    yield bench
    bench.disk.answers_at_end = True
    bench.spool.close()


def losses(items: list[SpoolItem]) -> dict[str, MessageLoss]:
    found = [msgspec.json.decode(i.loss, type=MessageLoss) for i in items if i.loss is not None]
    return {loss.reason: loss for loss in found}


def test_what_is_appended_before_the_disk_answers_gets_its_numbers_in_order_later(
    bench: LateBench,
) -> None:
    texts = [b"first", b"second", b"third"]
    for text in texts:
        assert bench.spool.append(Rank.EVENT, "t", lambda _, text=text: text) is None  # type: ignore[misc]
    assert (bench.spool.depth, bench.take(), bench.changes) == (3, [], 0)
    bench.disk.settle()
    assert bench.changes > 0
    items = bench.take()
    assert [item.payload for item in items] == texts
    assert [item.seq for item in items] == list(range(items[0].seq, items[0].seq + 3))
    assert bench.append(1) == [items[-1].seq + 1]


@pytest.mark.parametrize("content", ["an event", "a gap record"])
def test_nothing_leaves_before_its_number_is_reserved(bench: LateBench, content: str) -> None:
    if content == "a gap record":
        bench.disk.settle()
        bench.append(3)
        kill_spool(bench.spool)
        bench.begin()
    else:
        bench.append(1)
    while not (items := bench.take()):
        assert bench.disk.work()
        assert not bench.take()
        bench.disk.report()
    record = decode_record(bench.folder.joinpath("sequence").read_bytes())
    assert record is not None
    assert items[0].seq < record.end


def test_before_the_disk_answers_memory_is_bounded_and_what_is_given_up_is_named(
    bench: LateBench,
) -> None:
    bench.append(1500, Rank.EVENT)
    bench.append(1500, Rank.UPDATE)
    assert bench.spool.depth == 3000
    bench.disk.settle()
    items = bench.take()
    events = [item for item in items if item.rank is Rank.EVENT]
    updates = [item for item in items if item.rank is Rank.UPDATE]
    assert (len(events), len(updates)) == (1500, 500)
    loss = losses(items)["disk"]
    assert loss.count == 1000
    assert loss.ranges == ((events[-1].seq + 1, updates[0].seq - 2),)
    assert [item.seq for item in items] == sorted(item.seq for item in items)


def test_what_is_given_up_last_before_the_disk_answers_is_named_in_its_place(
    bench: LateBench,
) -> None:
    bench.append(2000, Rank.EVENT)
    bench.append(1, Rank.UPDATE)
    assert bench.spool.append(Rank.EVENT, "last", lambda _: b"") is None
    bench.disk.settle()
    items = bench.take()
    (last,) = (item for item in items if item.topic == "last")
    loss = losses(items)["disk"]
    # The oldest event with the first record about it, which the second includes; and the update before the last event.
    assert loss.ranges == ((items[0].seq - 2, items[0].seq - 1), (last.seq - 2, last.seq - 2))
    assert loss.count == 2


def test_a_second_daemon_is_reported_when_the_disk_answers(bench: LateBench) -> None:
    bench.disk.settle()
    second = LateBench(bench.folder)
    with pytest.raises(SpoolError, match="state_dir"):
        second.disk.settle()


def test_a_second_daemon_can_wait_for_the_lock(bench: LateBench) -> None:
    bench.spool.await_lock(1.0)
    bench.spool.await_lock(1.0)
    with pytest.raises(SpoolError, match="state_dir"):
        LateBench(bench.folder).spool.await_lock(1.0)


def test_a_message_that_arrives_before_its_commit_begins_is_never_written(
    bench: LateBench,
) -> None:
    bench.disk.settle()
    bench.append(1)
    bench.ack(bench.take())
    bench.tick()
    assert bench.disk.job_count == 0


def test_what_arrives_during_its_commit_is_removed_by_the_next(bench: LateBench) -> None:
    bench.disk.settle()
    bench.append(2)
    items = bench.take()
    bench.tick()
    assert bench.disk.job_count == 1
    bench.ack(items[:1])
    bench.disk.work()
    bench.ack(items[1:])
    bench.disk.report()
    assert bench.spool.depth == 0
    bench.tick()
    bench.disk.settle()
    assert open_store(bench.spool).execute("SELECT count(*) FROM message").fetchone() == (0,)


def test_what_comes_during_a_commit_is_one_group(bench: LateBench) -> None:
    bench.disk.settle()
    bench.append(64)
    assert bench.disk.job_count == 1
    numbers = bench.append(500)
    assert bench.disk.job_count == 1
    bench.disk.work()
    bench.disk.report()
    bench.disk.work()
    bench.disk.report()
    assert bench.disk.job_count == 0
    rows = open_store(bench.spool).execute("SELECT seq FROM message ORDER BY seq DESC LIMIT 500")
    assert sorted(seq for (seq,) in rows) == numbers


def test_a_silent_disk_stops_nothing_and_is_a_fault_in_coarse_steps(bench: LateBench) -> None:
    bench.disk.settle()
    bench.append(64)
    faults = []
    for second in range(60):
        bench.disk.silent_s = float(second)
        bench.append(3)
        bench.tick()
        bench.ack(bench.take(20))
        faults.append(bench.spool.fault)
    assert faults[:5] == [None] * 5
    assert "not answered for over 30 s" in str(faults[-1])
    assert len(set(faults)) == 4
    bench.disk.silent_s = 0.0
    bench.disk.settle()
    assert bench.spool.fault is None
    bench.ack(bench.take())
    assert bench.spool.depth == 0


def test_a_silent_disk_bounds_memory_with_gap_records(bench: LateBench) -> None:
    bench.disk.settle()
    bench.spool.close()
    bench.open(max_memory_bytes=20_000)
    group = bench.append(64)
    later = bench.append(1000)
    assert bench.spool.size_bytes <= 20_200
    bench.disk.settle()
    items = bench.take()
    there = [item.seq for item in items]
    assert there[:64] == group, "what the disk may have stored already is not given up"
    loss = losses(items)["disk"]
    assert loss.count == len(set(later) - set(there)) > 0
    assert there == sorted(there)


def test_the_next_numbers_are_reserved_before_the_present_ones_are_used_up(
    bench: LateBench,
) -> None:
    bench.disk.settle()
    numbers = [bench.append(1)[0]]
    while bench.disk.job_count == 0 or len(numbers) < BLOCK_SIZE // 2:
        numbers += bench.append(1)
        bench.ack(bench.take())
        assert len(numbers) < BLOCK_SIZE
    assert numbers[-1] is not None
    content = bench.folder.joinpath("sequence").read_bytes()
    bench.disk.settle()
    assert bench.folder.joinpath("sequence").read_bytes() != content


def test_no_number_is_used_that_is_not_reserved(bench: LateBench) -> None:
    bench.disk.settle()
    numbered: list[int] = []
    while (number := bench.append(1)[0]) is not None:
        numbered.append(number)
        bench.ack(bench.take())
    assert len(numbered) in range(BLOCK_SIZE // 2, BLOCK_SIZE + 1)
    bench.append(2)
    assert (bench.take(), bench.spool.depth) == ([], 3)
    bench.disk.settle()
    assert bench.numbers() == list(range(numbered[-1] + 1, numbered[-1] + 4))


def test_a_backlog_is_sent_in_order_page_by_page(bench: LateBench) -> None:
    bench.disk.settle()
    numbers = bench.append(3000)
    bench.disk.settle()
    bench.spool.close()
    bench.begin()
    sent: list[int] = []
    while len(sent) < 3000:
        items = bench.take(20)
        sent += [item.seq for item in items]
        bench.ack(items)
        bench.tick(0.01)
        if not items:
            bench.disk.work()
            bench.disk.report()
    assert sent == numbers
    assert bench.spool.depth == 0


def test_a_link_that_is_lost_during_a_page_read_changes_no_order(bench: LateBench) -> None:
    bench.disk.settle()
    numbers = bench.append(600)
    bench.disk.settle()
    bench.spool.close()
    bench.open()
    first = bench.take(300)
    assert bench.disk.job_count == 1
    bench.spool.rewind()
    again = bench.take(10)
    bench.disk.work()
    bench.spool.rewind()
    bench.disk.report()
    bench.disk.settle()
    assert [item.seq for item in first] == numbers[:300][: len(first)]
    assert [item.seq for item in again] == numbers[:10]
    collected: list[int] = []
    while len(collected) < 600:
        collected += [item.seq for item in bench.take(50)]
        bench.disk.settle()
    assert collected == numbers


def test_recent_messages_are_sent_again_without_the_disk(bench: LateBench) -> None:
    bench.disk.settle()
    numbers = bench.append(100)
    bench.take(20)
    bench.disk.settle()
    bench.tick()
    bench.disk.settle()
    bench.spool.rewind()
    assert bench.numbers() == numbers
    assert bench.disk.job_count == 0


def test_a_quarantine_during_a_page_read_names_what_is_lost(bench: LateBench) -> None:
    bench.disk.settle()
    numbers = bench.append(2000)
    bench.disk.settle()
    bench.spool.close()
    bench.open()
    before = bench.take(100)
    store = open_store(bench.spool)
    path = bench.folder / "spool.db"
    path.write_bytes(b"\xff" * path.stat().st_size)
    store.execute("PRAGMA cache_size = 0")
    store.execute("PRAGMA shrink_memory")
    while bench.disk.job_count == 0:
        before += bench.take(20)
    bench.ack(before[:50])
    bench.disk.work()
    fresh = bench.append(1)
    bench.disk.settle()
    assert bench.spool.damage is not None
    items = bench.take()
    named = losses(items)["corrupt"].ranges
    assert (named[0][0], named[-1][1]) == (numbers[50], numbers[-1])
    assert fresh[0] in [item.seq for item in items]


def test_a_backlog_that_cannot_be_read_is_passed_over_until_the_disk_works(
    bench: LateBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.disk.settle()
    numbers = bench.append(2000)
    bench.disk.settle()
    bench.spool.close()
    bench.open()
    taken = bench.take()

    def fail(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_READ"
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(SpoolStore, "read_page", fail)
        bench.disk.settle()
    assert "disk I/O error" in str(bench.spool.fault)
    fresh = bench.append(3)
    assert bench.numbers() == fresh
    bench.tick(31)
    bench.disk.settle()
    assert bench.spool.fault is None
    rest: list[int] = []
    while items := bench.take():
        rest += [item.seq for item in items]
        bench.disk.settle()
    assert [item.seq for item in taken] + rest == numbers


FAILURES = {"full": "PRAGMA max_page_count = 1", "readonly": "PRAGMA query_only = ON"}


@pytest.mark.parametrize("words", FAILURES)
def test_a_commit_that_fails_while_others_wait_loses_nothing(bench: LateBench, words: str) -> None:
    bench.disk.settle()
    open_store(bench.spool).execute(FAILURES[words])
    numbers = bench.append(100)
    items = bench.take(10)
    bench.ack(items[:5])
    bench.disk.work()
    bench.ack(items[5:])
    numbers += bench.append(100)
    bench.disk.report()
    assert words in str(bench.spool.fault)
    assert bench.disk.job_count == 0, "a failed disk has a pause"
    if words == "full":
        open_store(bench.spool).execute("PRAGMA max_page_count = 10000")
    bench.tick(31)
    bench.disk.settle()
    assert bench.spool.fault is None
    bench.spool.rewind()
    assert bench.numbers() == numbers[10:]
    bench.spool.close()
    assert [item.seq for item in bench.read_at_once()] == numbers[10:]
    bench.open()


def test_the_end_waits_for_the_disk(bench: LateBench) -> None:
    bench.disk.settle()
    numbers = bench.append(100)
    assert bench.disk.job_count == 1
    numbers += bench.append(3)
    assert bench.spool.close() == 0
    assert [item.seq for item in bench.read_at_once()] == numbers
    bench.open()


def test_the_end_before_the_disk_has_answered_keeps_what_was_appended(bench: LateBench) -> None:
    bench.append(5)
    assert bench.spool.close() == 0
    assert len(bench.read_at_once()) == 5
    bench.open()


@pytest.mark.parametrize("answers", ["never", "once"])
def test_a_silent_disk_does_not_hold_up_the_end(bench: LateBench, answers: str) -> None:
    if answers == "once":
        bench.disk.settle()
    bench.append(70)
    bench.disk.answers_at_end = False
    assert bench.spool.close(0.1) == 70
    bench.disk.settle()
    bench.spool._jobs._files.close()
    bench.open()


# ---- A thread ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    with EventLoop(SystemClock()) as one:
        yield one


def open_with_thread(folder: Path, loop: EventLoop, clock: Clock) -> tuple[Spool, DiskThread]:
    disk = DiskThread("spool", clock=clock, post=loop.call_soon)
    spool = Spool(
        folder,
        max_bytes=10_000_000,
        max_age_s=3600,
        clock=clock,
        encode_gap=lambda seq, loss: ("gap", f"{seq}:{loss.reason}".encode()),
        disk=disk,
    )
    return spool, disk


def run_for_ever(loop: EventLoop) -> None:
    while True:
        loop.run_once(10.0)


def test_a_thread_stores_and_reads_a_backlog(tmp_path: Path, loop: EventLoop) -> None:
    spool, _ = open_with_thread(tmp_path, loop, SystemClock())
    for number in range(5000):
        # The first has no number yet.
        is_first = spool.append(Rank.EVENT, "t", lambda _, text=b"%d" % number: text) is None  # type: ignore[misc]
        loop.run_once(10.0 if is_first else 0.0)
    assert spool.close(60) == 0
    spool, _ = open_with_thread(tmp_path, loop, SystemClock())
    changes: list[bool] = []
    spool.call_on_change(lambda: changes.append(True))
    texts: list[bytes] = []
    while len(texts) < 5000:
        items = spool.take_unsent(20)
        texts += [item.payload for item in items]
        for item in items:
            spool.ack(item.seq)
        spool.tick()
        if not items:
            changes.clear()
            while not changes:
                loop.run_once(10.0)
    assert texts == [b"%d" % number for number in range(5000)]
    assert spool.close(60) == 0


def test_a_thread_that_waits_for_its_disk_keeps_nobody_waiting(
    tmp_path: Path, loop: EventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    spool, disk = open_with_thread(tmp_path, loop, clock)
    while spool.append(Rank.EVENT, "t", lambda _: b"x") is None:
        loop.run_once(10.0)
    answer, began = threading.Event(), threading.Event()

    def wait(store: SpoolStore, *_: object, **_keywords: object) -> None:
        began.set()
        answer.wait()
        store.close()

    monkeypatch.setattr(SpoolStore, "commit", wait)
    for _ in range(64):
        spool.append(Rank.EVENT, "t", lambda _: b"x" * 100)
    while not began.is_set():
        loop.run_once(0.01)
    for _ in range(60):
        clock.sleep(1)
        spool.append(Rank.EVENT, "t", lambda _: b"y" * 100)
        for item in spool.take_unsent(20):
            spool.ack(item.seq)
        spool.tick()
        loop.run_once(0.0)
    assert "over 60 s" in str(spool.fault)
    kept = spool.depth
    assert spool.close(0.05) == kept
    answer.set()
    assert disk.finish(60)


def test_a_thread_that_finds_another_daemon_ends_the_loop(tmp_path: Path, loop: EventLoop) -> None:
    first, _ = open_with_thread(tmp_path, loop, SystemClock())
    while first.append(Rank.EVENT, "t", lambda _: b"x") is None:
        loop.run_once(10.0)
    open_with_thread(tmp_path, loop, SystemClock())
    with pytest.raises(SpoolError, match="state_dir"):
        run_for_ever(loop)
    assert first.close(60) == 0
