"""Seeded random damage to the spool's folder between two runs: the spool opens, and every number arrives unchanged or is named by a gap."""

import random
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from edged.disk_thread import InlineDiskQueue
from edged.messaging.spool import MessageLoss, Rank, Spool, SpoolItem
from support.clock import FakeClock
from support.memory_folder import memory_folder
from support.sampling import Sampler, sampled
from support.scripted_disk import ScriptedDisk
from support.spool_files import append_numbered, progress_path

SEEDS = range(5000)
WHILE_RUNNING = 0.3
"""Share of the damage that happens while the file is in use."""
FILES = ("spool.db", "spool.db-wal", "spool.db-shm", "sequence")


class DamagedSpool:
    """A spool in one folder, with everything that it made and handed out."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder = folder / "spool"
        self.rng = rng
        self.clock = FakeClock()
        self.made: dict[int, tuple[str, bytes]] = {}
        self.arrived: dict[int, SpoolItem] = {}
        self.spool = self.open()

    def open(self) -> Spool:
        """Open it, with a disk that does its jobs at once, or with one that does them now and then."""
        disk = ScriptedDisk()
        self.disk = disk if self.rng.random() < 0.5 else InlineDiskQueue()
        spool = Spool(
            self.folder,
            max_bytes=1_000_000,
            max_age_s=3600,
            clock=self.clock,
            encode_gap=self.encode_gap,
            disk=self.disk,
        )
        self.settle()
        return spool

    def settle(self) -> None:
        if isinstance(self.disk, ScriptedDisk):
            self.disk.settle()

    def work_a_little(self) -> None:
        if isinstance(self.disk, ScriptedDisk) and self.rng.random() < 0.5:
            self.rng.choice((self.disk.work, self.disk.report, self.disk.settle))()

    def encode_gap(self, seq: int, loss: MessageLoss) -> tuple[str, bytes]:
        self.made[seq] = ("up/gap", f"gap {seq} {loss.reason}".encode())
        return self.made[seq]

    def append(self, count: int) -> None:
        for _ in range(count):
            topic, body = f"up/camera/{self.rng.randrange(5)}/events", self.rng.randbytes(200)
            seq = append_numbered(self.spool.append(Rank.EVENT, topic, _encoder(body)))
            assert seq not in self.made
            self.made[seq] = (topic, _encoder(body)(seq))
            self.work_a_little()

    def deliver(self, count: int) -> None:
        for item in self.spool.take_unsent(count):
            assert (item.topic, item.payload) == self.made[item.seq]
            self.arrived[item.seq] = item
            self.spool.ack(item.seq)
        self.spool.rewind()

    def commit(self) -> None:
        self.clock.sleep(1)
        self.spool.tick()
        self.work_a_little()

    def work(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            self.append(self.rng.choice((1, 5, 40, 150)))
            if self.rng.random() < 0.5:
                self.deliver(self.rng.choice((1, 20, 100)))
            if self.rng.random() < 0.7:
                self.commit()

    def stop(self) -> None:
        """Stop in order, or leave what ``kill -9`` or a power cut leaves: a copy taken while it ran."""
        end = self.rng.choice(("stop", "kill", "power cut"))
        if end == "stop":
            self.spool.close()
            return
        copy = self.folder.with_name("copy")
        shutil.copytree(self.folder, copy, ignore=_list_special_files)
        progress = progress_path(self.spool)
        content = progress.read_bytes()
        self.spool.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        copy.rename(self.folder)
        progress.unlink(missing_ok=True)
        if end == "kill":
            progress.write_bytes(content)
            progress.chmod(0o600)

    def lost(self) -> set[int]:
        records = [item.loss for item in self.arrived.values() if item.loss is not None]
        ranges = [r for loss in records for r in msgspec.json.decode(loss, type=MessageLoss).ranges]
        return {seq for seq in self.made if any(first <= seq <= last for first, last in ranges)}

    def check(self) -> None:
        while self.spool.depth:
            self.settle()
            self.deliver(100_000)
        missing = set(self.made) - set(self.arrived) - self.lost()
        assert missing == set()


def _list_special_files(folder: str, names: list[str]) -> list[str]:
    paths = [Path(folder, name) for name in names]
    return [path.name for path in paths if not path.is_file() and not path.is_dir()]


@contextmanager
def _kept_shared_memory(folder: Path) -> Iterator[None]:
    """Hide the file of SQLite's shared memory: a process that has mapped it is ended by SIGBUS when it is cut, whatever it does."""
    path, hidden = folder / "spool.db-shm", folder.with_name("shm")
    if path.exists():
        path.rename(hidden)
    yield
    if hidden.exists():
        hidden.rename(path)


def _encoder(body: bytes) -> Callable[[int], bytes]:
    return lambda seq: b"%d " % seq + body


def flip(path: Path, rng: random.Random, count: int) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(count if content else 0):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def flip_bits(folder: Path, rng: random.Random) -> None:
    flip(_choose(folder, rng), rng, rng.choice((1, 3, 10, 100)))


def flip_header(folder: Path, rng: random.Random) -> None:
    path = _choose(folder, rng)
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4) if content else 0):
        content[rng.randrange(min(100, len(content)))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def truncate(folder: Path, rng: random.Random) -> None:
    path = _choose(folder, rng)
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size + 1)])


def zero_page(folder: Path, rng: random.Random) -> None:
    path = _choose(folder, rng)
    content = bytearray(path.read_bytes())
    page = rng.randrange(len(content) // 4096 + 1) * 4096
    content[page : page + 4096] = bytes(len(content[page : page + 4096]))
    path.write_bytes(content)


def swap_pages(folder: Path, rng: random.Random) -> None:
    path = _choose(folder, rng)
    content = path.read_bytes()
    pages = [content[i : i + 4096] for i in range(0, len(content), 4096)]
    rng.shuffle(pages)
    path.write_bytes(b"".join(pages))


def remove(folder: Path, rng: random.Random) -> None:
    _choose(folder, rng).unlink()


def empty(folder: Path, rng: random.Random) -> None:
    _choose(folder, rng).write_bytes(b"")


def put_folder_in_its_place(folder: Path, rng: random.Random) -> None:
    path = _choose(folder, rng)
    path.unlink()
    (path / "inside").mkdir(parents=True)


def put_socket_in_its_place(folder: Path, rng: random.Random) -> None:
    path = _choose(folder, rng)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def swap_files(folder: Path, rng: random.Random) -> None:
    first, second = _choose(folder, rng), _choose(folder, rng)
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)


def write_rubbish(folder: Path, rng: random.Random) -> None:
    _choose(folder, rng).write_bytes(rng.randbytes(rng.choice((1, 100, 5000))))


def change_schema(folder: Path, rng: random.Random) -> None:
    statement = rng.choice(
        (
            "PRAGMA user_version = 9",
            "DROP TABLE message",
            "DROP TABLE summary",
            "DELETE FROM message WHERE seq % 3 = 0",
            "DELETE FROM summary",
            "UPDATE message SET topic = x'ff' WHERE seq % 5 = 0",
            "UPDATE message SET rank = 7",
            "UPDATE message SET checksum = NULL WHERE seq % 4 = 0",
            "ALTER TABLE message RENAME COLUMN topic TO subject",
            "CREATE TABLE state (name TEXT PRIMARY KEY, value)",
        )
    )
    with closing(sqlite3.connect(folder / "spool.db", isolation_level=None)) as db:
        db.execute(statement)


def take_permissions(folder: Path, rng: random.Random) -> None:
    _choose(folder, rng).chmod(0)


DAMAGE: tuple[Callable[[Path, random.Random], None], ...] = (
    flip_bits,
    flip_bits,
    flip_header,
    truncate,
    zero_page,
    swap_pages,
    remove,
    remove,
    empty,
    put_folder_in_its_place,
    put_socket_in_its_place,
    swap_files,
    write_rubbish,
    change_schema,
    take_permissions,
)


def _choose(folder: Path, rng: random.Random) -> Path:
    return rng.choice([folder / name for name in FILES if (folder / name).is_file()])


def run_seed(folder: Path, seed: int) -> None:
    """Work, stop, damage, and start, three times."""
    rng = random.Random(seed)
    bench = DamagedSpool(folder, rng)
    for _ in range(3):
        bench.work()
        damage = rng.choice(DAMAGE)
        if damage is not change_schema and rng.random() < WHILE_RUNNING:
            with _kept_shared_memory(bench.folder):
                damage(bench.folder, rng)
            bench.work()
            bench.stop()
        else:
            bench.stop()
            damage(bench.folder, rng)
        bench.clock.sleep(60)
        bench.spool = bench.open()
        assert bench.spool.fault is None, damage
    bench.check()
    bench.spool.close()


@sampled
def test_no_damage_keeps_the_spool_from_opening_or_loses_in_silence(
    sampler: Sampler, tmp_path: Path
) -> None:
    with memory_folder(tmp_path) as parent:
        for seed in sampler.pick(SEEDS, 200):
            (folder := parent / str(seed)).mkdir()
            try:
                run_seed(folder, seed)
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise
            shutil.rmtree(folder)
