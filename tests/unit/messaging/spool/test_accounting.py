"""What a run knows about the numbers of the earlier ones, whatever became of its files."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edged.messaging.spool import MessageLoss, Rank, Spool, SpoolItem
from edged.messaging.spool.loss import SeqRange
from edged.messaging.spool.sequence_file import decode_record
from support.clock import FakeClock
from support.spool_files import append_numbered, kill_spool, open_store

OLD_SCHEMA = """
CREATE TABLE message (
    seq INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
    created_ns INTEGER NOT NULL, loss BLOB
);
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES ('next_seq', 1795000000003), ('running_ns', 5000000000);
"""
OLD_RECORD = b"00000001795000000003 00000001795000000003 1 7d465d73\n"
SET_CLOCK, UNSET_CLOCK = 1_796_053_412 * 10**9, 86_400 * 10**9


class Device:
    """A spool whose runs end in order, by ``kill -9`` (`crash`), or by a power cut, which empties what is only in memory."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.folder, self.runtime = folder, runtime
        self.clock = FakeClock()
        self.start()

    def start(self) -> None:
        self.clock.sleep(5)
        self.spool = Spool(
            self.folder,
            max_bytes=1_000_000,
            max_age_s=3600,
            clock=self.clock,
            encode_gap=lambda seq, loss: ("gap", f"{seq}:{loss.reason}".encode()),
        )

    def append(self, count: int) -> list[int]:
        return [
            append_numbered(self.spool.append(Rank.EVENT, "t", lambda _: b"x" * 100))
            for _ in range(count)
        ]

    def commit(self) -> None:
        self.clock.sleep(1)
        self.spool.tick()

    def deliver(self, count: int) -> None:
        for item in self.spool.take_unsent(count):
            self.spool.ack(item.seq)
        self.spool.tick()

    def stop(self) -> None:
        self.spool.close()

    def crash(self) -> None:
        kill_spool(self.spool)

    def cut_power(self) -> None:
        self.crash()
        for path in self.runtime.iterdir():
            path.unlink()

    def items(self) -> list[SpoolItem]:
        self.spool.rewind()
        return self.spool.take_unsent(100_000)

    def gaps(self) -> list[tuple[str, tuple[SeqRange, ...]]]:
        losses = [
            msgspec.json.decode(item.loss, type=MessageLoss)
            for item in self.items()
            if item.loss is not None
        ]
        return [(loss.reason, loss.ranges) for loss in losses]


@pytest.fixture
def device(tmp_path: Path, runtime_folder: Path) -> Iterator[Device]:
    device = Device(tmp_path / "spool", runtime_folder)
    yield device
    device.spool.close()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


GONE: dict[str, Callable[[Path], None]] = {
    "gone": Path.unlink,
    "empty": _empty,
    "a folder": _make_folder,
}


@pytest.mark.parametrize("way", GONE)
@pytest.mark.parametrize("end", [Device.stop, Device.crash])
def test_what_waited_in_a_spool_file_that_is_gone_is_named_and_nothing_else(
    device: Device, way: str, end: Callable[[Device], None]
) -> None:
    numbers = device.append(70)
    device.commit()
    device.deliver(20)
    device.commit()
    end(device)
    for path in device.folder.glob("spool.db-*"):
        path.unlink()
    GONE[way](device.folder / "spool.db")
    device.start()
    assert device.gaps() == [("corrupt", ((numbers[20], numbers[-1]),))]


def test_a_spool_file_that_is_gone_after_a_power_cut_is_named_with_all_that_may_have_waited(
    device: Device,
) -> None:
    numbers = device.append(4_992)
    device.commit()
    device.cut_power()
    for path in device.folder.glob("spool.db*"):
        path.unlink()
    device.start()
    ((reason, ((first, last),)),) = device.gaps()
    assert (reason, first) == ("corrupt", numbers[0])
    assert last >= numbers[-1]


def test_a_removed_write_ahead_log_is_named(device: Device) -> None:
    device.append(3)
    device.stop()
    device.start()
    device.deliver(4)
    numbers = device.append(5)
    device.commit()
    path = device.folder / "spool.db"
    assert path.with_name("spool.db-wal").stat().st_size > 0
    without_log = path.read_bytes()
    device.crash()
    path.write_bytes(without_log)
    device.start()
    assert device.gaps() == [("corrupt", ((numbers[0], numbers[-1]),))]


def test_an_older_copy_of_the_spool_file_is_noticed(device: Device, tmp_path: Path) -> None:
    device.append(3)
    device.stop()
    shutil.copy(device.folder / "spool.db", tmp_path / "older")
    device.start()
    numbers = device.append(4)
    device.stop()
    shutil.copy(tmp_path / "older", device.folder / "spool.db")
    device.start()
    assert device.gaps() == [("corrupt", ((numbers[0], numbers[-1]),))]


def test_the_spool_file_of_another_device_does_not_hide_a_loss(
    device: Device, tmp_path: Path, runtime_folder: Path
) -> None:
    numbers = device.append(3)
    device.stop()
    other = Device(tmp_path / "other", runtime_folder)
    other.append(200)
    other.deliver(200)
    other.stop()
    shutil.copy(tmp_path / "other" / "spool.db", device.folder / "spool.db")
    device.start()
    ((reason, ((first, last), *_)),) = device.gaps()
    assert (reason, first) == ("corrupt", numbers[0])
    assert last >= numbers[-1]


def test_after_kill_9_the_gap_names_only_what_was_lost(device: Device) -> None:
    stored = device.append(2)
    device.commit()
    device.deliver(1)
    lost = device.append(5)
    device.crash()
    device.start()
    assert device.gaps() == [("unclean_stop", ((lost[0], lost[-1]),))]
    assert [item.seq for item in device.items()] == [*stored, lost[-1] + 1]


def test_runs_that_are_killed_before_their_first_message_name_no_more(device: Device) -> None:
    device.append(5)
    device.crash()
    for _ in range(3):
        device.start()
        gaps = device.gaps()
        device.crash()
        named = sum(last - first + 1 for _, ranges in gaps for first, last in ranges)
        assert named < 20, gaps


def test_after_kill_9_what_had_arrived_is_not_named(device: Device) -> None:
    numbers = device.append(8)
    device.deliver(8)
    device.crash()
    device.start()
    assert device.gaps() == []
    assert device.append(1) == [numbers[-1] + 1]


def test_the_number_of_a_gap_record_is_not_used_again_after_kill_9(device: Device) -> None:
    (number,) = device.append(1)
    device.spool.take_unsent(1)
    assert device.spool.give_up(number)
    (gap,) = device.spool.take_unsent(1)
    device.crash()
    device.start()
    assert device.append(1)[0] > gap.seq


def test_messages_of_a_run_on_a_disk_that_was_read_only_are_named_afterwards(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.append(3)
    device.deliver(3)
    device.stop()
    with monkeypatch.context() as read_only:
        read_only.setattr("edged.messaging.spool.disk.make_usable", _fail_read_only)
        read_only.setattr("edged.messaging.spool.sequence_file.make_usable", _fail_read_only)
        device.start()
        lost = device.append(169)
        assert "Read-only file system" in str(device.spool.fault)
        assert device.spool.close() == 169
    device.start()
    ((reason, ((first, last),)),) = device.gaps()
    assert reason == "unclean_stop"
    assert first <= lost[0]
    assert last == lost[-1]
    assert device.append(1)[0] > last


def _fail_read_only(_: Path) -> None:
    raise OSError(30, "Read-only file system")


def test_a_disk_that_becomes_read_only_while_the_daemon_runs_is_named_afterwards(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.append(3)
    device.deliver(3)
    device.commit()
    with monkeypatch.context() as read_only:
        open_store(device.spool).execute("PRAGMA query_only = ON")
        read_only.setattr("os.fsync", lambda _: _fail_read_only(Path()))
        lost = device.append(12_000)
        device.stop()
    device.start()
    reasons = dict(device.gaps())
    assert reasons["unclean_stop"][0][0] <= lost[0]
    assert reasons["unclean_stop"][-1][1] == lost[-1]


@pytest.mark.parametrize("way", ["gone", "unreadable", "a folder", "no access"])
def test_a_jump_of_the_numbers_is_told(
    device: Device, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = device.append(3)
    device.stop()
    path = device.folder / "sequence"
    if way == "unreadable":
        path.write_bytes(b"x" * 138)
    elif way == "no access":
        monkeypatch.setattr("edged.messaging.spool.sequence_file.make_usable", _fail_read_only)
        monkeypatch.setattr("edged.messaging.spool.files.read_unlocked", lambda _: None)
    else:
        GONE[way](path)
    device.start()
    after = device.append(1)[0]
    ((reason, ((first, last),)),) = device.gaps()
    assert reason == ("disk" if way == "no access" else "corrupt")
    assert (first, last) == (numbers[-1] + 1, after - 2)
    if way in {"unreadable", "a folder"}:
        assert str(path.with_name("sequence.corrupt")) in str(device.spool.damage)


def test_a_fresh_card_and_a_clock_that_was_never_set_do_not_let_numbers_go_back(
    tmp_path: Path,
) -> None:
    first = []
    for card, wall_ns in enumerate((SET_CLOCK, UNSET_CLOCK, UNSET_CLOCK)):
        spool = Spool(
            tmp_path / str(card),
            max_bytes=1000,
            max_age_s=1,
            clock=FakeClock(wall_ns=wall_ns),
            encode_gap=lambda *_: ("gap", b""),
        )
        first.append(append_numbered(spool.append(Rank.EVENT, "t", lambda _: b"x")))
        spool.close()
    assert first[0] == SET_CLOCK // 10**6
    assert min(first[1:]) > first[0]
    assert max(first) < 2**53
    assert first[1] != first[2]


def _write_old_spool(folder: Path) -> list[int]:
    folder.mkdir(exist_ok=True)
    numbers = [1_795_000_000_000, 1_795_000_000_001, 1_795_000_000_002]
    with closing(sqlite3.connect(folder / "spool.db", isolation_level=None)) as db:
        db.executescript(OLD_SCHEMA)
        for seq in numbers:
            row = (seq, 1, "t", str(seq).encode(), 1, None)
            db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)", row)
    return numbers


def test_a_spool_of_an_older_version_is_read(tmp_path: Path) -> None:
    numbers = _write_old_spool(tmp_path / "spool")
    (tmp_path / "spool" / "sequence").write_bytes(OLD_RECORD)
    device = Device(tmp_path / "spool", tmp_path)
    numbers += device.append(1)
    assert [(item.seq, item.payload[:3]) for item in device.items()] == [
        *((seq, b"179") for seq in numbers[:-1]),
        (1_795_000_000_003, b"xxx"),
    ]
    assert device.spool.damage is None
    assert device.spool.oldest_age_s == pytest.approx(5, abs=0.1)
    device.stop()


def test_a_spool_that_an_older_version_has_used_since_is_read(device: Device) -> None:
    numbers = device.append(2)
    device.stop()
    with closing(sqlite3.connect(device.folder / "spool.db", isolation_level=None)) as db:
        db.execute("CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        db.execute(
            "INSERT INTO state VALUES ('next_seq', ?), ('running_ns', 9)", (numbers[-1] + 2,)
        )
        db.execute(
            "INSERT INTO message (seq, rank, topic, payload, created_ns) VALUES (?, 1, 't', 'y', 9)",
            (numbers[-1] + 1,),
        )
    device.start()
    assert [item.seq for item in device.items()] == [*numbers, numbers[-1] + 1]


def test_a_damaged_spool_of_an_older_version_keeps_its_other_messages(tmp_path: Path) -> None:
    numbers = _write_old_spool(tmp_path / "spool")
    with closing(sqlite3.connect(tmp_path / "spool" / "spool.db", isolation_level=None)) as db:
        db.execute("UPDATE message SET topic = x'ff00' WHERE seq = ?", (numbers[1],))
    (tmp_path / "spool" / "sequence").write_bytes(OLD_RECORD)
    device = Device(tmp_path / "spool", tmp_path)
    first, last, gap = device.items()
    assert (first.seq, last.seq, gap.rank) == (numbers[0], numbers[2], Rank.GAP)
    ((reason, ranges),) = device.gaps()
    assert (reason, ranges[-1]) == ("corrupt", (numbers[1], numbers[1]))
    device.stop()


def test_a_file_of_a_newer_version_is_kept_and_told(device: Device) -> None:
    device.append(2)
    device.stop()
    with closing(sqlite3.connect(device.folder / "spool.db", isolation_level=None)) as db:
        db.execute("DROP TABLE message")
        db.execute("PRAGMA user_version = 2")
    device.start()
    assert "not of this version" in str(device.spool.damage)
    assert (device.folder / "spool.db.corrupt").is_file()
    assert [reason for reason, _ in device.gaps()] == ["corrupt"]


def test_quarantined_files_do_not_fill_the_disk(device: Device) -> None:
    for _ in range(4):
        device.append(3)
        device.stop()
        _make_folder(device.folder / "spool.db")
        (device.folder / "spool.db" / "inside").write_bytes(b"x")
        device.start()
        device.stop()
        (device.folder / "spool.db").write_bytes(b"rubbish" * 100)
        device.start()
    assert len(list(device.folder.glob("*.corrupt*"))) <= 3


def test_an_older_version_can_read_the_number_file(device: Device) -> None:
    device.append(3)
    device.stop()
    content = (device.folder / "sequence").read_bytes()
    record, old = decode_record(content), decode_record(content.split(b"\n")[0] + b"\n")
    assert record is not None
    assert old is not None
    assert (old.first_unsafe, old.end, old.is_clean) == (record.end, record.end, True)
