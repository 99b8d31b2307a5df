"""Disk failures: messages stay in memory, every loss is reported, and the spool recovers by itself."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from edged.messaging.spool import MessageLoss, Rank, Spool, SpoolItem
from edged.messaging.spool.sequence_file import SequenceFile, SequenceRecord
from support.clock import FakeClock
from support.spool_files import append_numbered, kill_spool, open_store

RETRY_S = 31


def make(
    folder: Path,
    clock: FakeClock,
    *,
    max_bytes: int = 1_000_000,
    max_memory_bytes: int = 4_000_000,
) -> Spool:
    return Spool(
        folder,
        clock=clock,
        encode_gap=lambda seq, loss: ("gap", f"{seq}:{loss.reason}".encode()),
        max_bytes=max_bytes,
        max_memory_bytes=max_memory_bytes,
        max_age_s=3600,
    )


def append(spool: Spool, count: int, rank: Rank = Rank.EVENT) -> list[int]:
    return [append_numbered(spool.append(rank, "t", lambda _: b"x" * 100)) for _ in range(count)]


def losses(items: list[SpoolItem]) -> dict[str, MessageLoss]:
    found = [msgspec.json.decode(i.loss, type=MessageLoss) for i in items if i.loss is not None]
    return {loss.reason: loss for loss in found}


def commit(spool: Spool, clock: FakeClock) -> None:
    clock.sleep(1)
    spool.tick()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


PRAGMAS = {
    "full": "PRAGMA max_page_count = 1",
    "readonly": "PRAGMA query_only = ON",
}


@pytest.mark.parametrize("words", PRAGMAS)
def test_a_disk_that_refuses_writes_is_a_fault_and_heals(
    tmp_path: Path, clock: FakeClock, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make(tmp_path, clock)
    stored = append(spool, 3)
    commit(spool, clock)
    open_store(spool).execute(PRAGMAS[words])
    kept = append(spool, 200)
    commit(spool, clock)
    assert words in str(spool.fault)
    assert [item.seq for item in spool.take_unsent(1000)] == stored + kept
    if words == "full":
        open_store(spool).execute("PRAGMA max_page_count = 10000")
    clock.sleep(RETRY_S)
    spool.tick()
    assert spool.fault is None
    spool.close()
    assert sum(record.levelname == "ERROR" for record in caplog.records) == 1
    spool = make(tmp_path, clock)
    assert [item.seq for item in spool.take_unsent(1000)] == stored + kept
    spool.close()


def test_no_folder_is_a_fault_and_heals(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "spool"
    folder.write_text("in the way")
    spool = make(folder, clock)
    assert str(folder) in str(spool.fault)
    numbers = append(spool, 3)
    assert [item.seq for item in spool.take_unsent(10)] == numbers
    folder.unlink()
    clock.sleep(RETRY_S)
    spool.tick()
    assert spool.fault is None
    spool.close()
    spool = make(folder, clock)
    assert [item.seq for item in spool.take_unsent(10)] == numbers
    spool.close()


def test_a_disk_that_comes_late_brings_its_messages_and_numbers(
    tmp_path: Path, clock: FakeClock
) -> None:
    folder, away = tmp_path / "spool", tmp_path / "away"
    spool = make(folder, clock)
    old = append(spool, 3)
    spool.close()
    folder.rename(away)
    folder.write_text("in the way")
    spool = make(folder, clock)
    young = append(spool, 2)
    assert young[0] > old[-1] or young[0] == old[0]
    folder.unlink()
    away.rename(folder)
    clock.sleep(RETRY_S)
    spool.tick()
    assert append(spool, 1)[0] > max(old + young)
    spool.close()


def test_memory_is_bounded_while_the_disk_fails(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "spool"
    folder.write_text("in the way")
    spool = make(folder, clock, max_memory_bytes=5000)
    numbers = append(spool, 100)
    assert spool.size_bytes <= 5000
    items = spool.take_unsent(1000)
    loss = losses(items)["disk"]
    lost = set(numbers) - {item.seq for item in items}
    assert loss.count == len(lost)
    assert loss.ranges[0][0] == numbers[0]
    spool.close()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "overwritten": lambda raw: b"not a database" + raw[14:],
    "a hole": lambda raw: raw[:1000] + b"\xff" * (len(raw) - 1000),
    "cut off": lambda raw: raw[: len(raw) // 2 + 100],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_quarantined_and_reported(
    tmp_path: Path, clock: FakeClock, damage: str
) -> None:
    spool = make(tmp_path, clock)
    numbers = append(spool, 300)
    spool.close()
    path = tmp_path / "spool.db"
    damaged = DAMAGE[damage](path.read_bytes())
    path.write_bytes(damaged)
    spool = make(tmp_path, clock)
    items = spool.take_unsent(1000)
    assert (tmp_path / "spool.db.corrupt").read_bytes() == damaged
    ((first, last),) = losses(items)["corrupt"].ranges
    assert first <= numbers[0]
    assert numbers[-1] <= last < items[0].seq
    assert spool.fault is None
    again = append(spool, 2)
    spool.close()
    spool = make(tmp_path, clock)
    assert [item.seq for item in spool.take_unsent(10)][-2:] == again
    spool.close()


def test_a_file_damaged_while_in_use_is_quarantined(tmp_path: Path, clock: FakeClock) -> None:
    spool = make(tmp_path, clock)
    stored = append(spool, 2000)
    spool.close()
    spool = make(tmp_path, clock)  # nothing is in memory
    open_store(spool).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "spool.db"
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    spool.rewind()
    open_store(spool).execute("PRAGMA cache_size = 0")
    open_store(spool).execute("PRAGMA shrink_memory")
    spool.take_unsent(5000)
    commit(spool, clock)
    fresh = append(spool, 1)
    spool.rewind()
    items = spool.take_unsent(5000)
    assert items[-1].seq == fresh[0]
    assert losses(items)["corrupt"].ranges == ((stored[0], stored[-1]),)
    spool.close()


@pytest.mark.parametrize("text", [b"", b"0" * 43, b"\xff" * 100, b"1 2 3"], ids=len)
def test_a_torn_sequence_file_is_ignored(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "sequence"
    path.write_bytes(text)
    file = SequenceFile(path)
    assert file.read() is None
    assert file.quarantined_path is None or file.quarantined_path.read_bytes() == text
    record = SequenceRecord(
        first_waiting=4, first_unsafe=5, end=10_005, run_id=7, store_id=8, generation=9
    )
    file.write(record)
    file.close()
    file = SequenceFile(path)
    assert file.read() == record
    file.close()


def test_a_number_file_that_cannot_be_read_at_first_does_not_look_like_another_daemon(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = append(spool := make(tmp_path, clock), 3)
    spool.close()

    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "pread", fails)
        spool = make(tmp_path, clock)
        assert "Input/output error" in str(spool.fault)
        numbers += append(spool, 2)
    clock.sleep(RETRY_S)
    spool.tick()
    assert spool.fault is None
    assert append(spool, 1)[0] > numbers[-1]
    assert [item.seq for item in spool.take_unsent(100)][:3] == numbers[:3]
    spool.close()


def test_a_lost_sequence_file_does_not_bring_old_numbers_back(
    tmp_path: Path, clock: FakeClock
) -> None:
    spool = make(tmp_path, clock)
    numbers = append(spool, 3)
    spool.close()
    (tmp_path / "sequence").unlink()
    clock.sleep(10)
    spool = make(tmp_path, clock)
    assert append(spool, 1)[0] > numbers[-1]
    spool.close()


def test_numbers_go_on_when_the_sequence_file_cannot_be_written(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make(tmp_path, clock, max_bytes=10_000_000)

    def fails(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", fails)
        numbers = append(spool, 12_000)
        assert "Input/output error" in str(spool.fault)
        assert numbers == list(range(numbers[0], numbers[0] + 12_000))
    clock.sleep(RETRY_S)
    spool.tick()
    assert spool.fault is None
    kill_spool(spool)
    spool = make(tmp_path, clock)
    assert append(spool, 1)[0] > numbers[-1]
    spool.close()
