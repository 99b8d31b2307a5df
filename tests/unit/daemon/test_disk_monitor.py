"""Silent disks and full ones, as health, as a condition, and as an obstacle of a trial."""

from pathlib import Path

import pytest

from edged.daemon.disk_monitor import DiskMonitor
from edged.disk_thread import InlineDiskQueue
from edged.health import ConditionReporter, Conditions
from edged.host.board import Board
from support.clock import FakeClock
from support.late_disk import LateDiskQueue


class DiskBench:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.space = LateDiskQueue()
        self.spool = LateDiskQueue()
        self.conditions = Conditions()
        self.monitor = DiskMonitor(
            {"space": self.space, "spool": self.spool, "files": InlineDiskQueue()},
            state_dir=folder,
            board=Board(),
            conditions=ConditionReporter(self.conditions, self.clock),
            clock=self.clock,
        )

    def is_space_known(self) -> bool:
        return self.monitor.space_mb is not None

    def tick(self, seconds: float = 0.25) -> None:
        self.clock.sleep(seconds)
        self.monitor.tick()


@pytest.fixture
def bench(tmp_path: Path) -> DiskBench:
    return DiskBench(tmp_path)


def test_the_space_is_asked_for_once_at_a_time_and_the_last_answer_counts(
    bench: DiskBench,
) -> None:
    for _ in range(100):
        bench.tick()
    assert len(bench.space.jobs) == 1, "the disk has not answered the first one"
    assert not bench.is_space_known()
    bench.space.answer()
    assert bench.is_space_known()
    bench.tick()
    assert len(bench.space.jobs) == 1


def test_a_silent_disk_is_a_condition_until_it_answers(bench: DiskBench) -> None:
    bench.spool.silent_s = 9.9
    bench.tick()
    assert not bench.conditions.active
    assert bench.monitor.silent_s == {"space": 0.0, "spool": 9.9, "files": 0.0}
    reasons = set()
    for bench.spool.silent_s in (10.1, 11.0, 300.0):
        bench.tick()
        (condition,) = bench.conditions.active
        reasons.add(condition.reason)
    assert condition.name == "disk.silent"
    assert "spool" in condition.reason
    assert len(reasons) == 1, "a reason that changes would flood health"
    bench.spool.silent_s = 0.0
    bench.tick()
    assert not bench.conditions.active


def test_a_silent_disk_is_an_obstacle_sooner(bench: DiskBench) -> None:
    assert bench.monitor.obstacle is None
    bench.spool.silent_s = 2.1
    assert bench.monitor.obstacle == "a disk does not answer (waiting: spool)"


def test_a_disk_without_a_megabyte_is_full(
    bench: DiskBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Board, "read_disk_mb", lambda *_: (1000.0, 0.3))
    bench.tick()
    bench.space.answer()
    assert bench.monitor.obstacle == f"the disk that holds {tmp_path} is full"
