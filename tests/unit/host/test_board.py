"""The board's files, simulated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edged.host.board import Board


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_what_is_absent_is_reported_as_absent(tmp_path: Path) -> None:
    board = Board(tmp_path)
    assert board.read_throttling() is None
    assert board.is_under_voltage(board.read_throttling()) is None
    assert board.read_temperature_c() is None
    assert board.read_memory_mb() is None
    assert board.read_rss_mb(1) is None
    assert board.read_boot_id() == "unknown"


@pytest.mark.parametrize("soc", ["soc", "soc@107c000000"])
def test_a_pi_that_is_hot_and_underpowered(tmp_path: Path, soc: str) -> None:
    put(tmp_path, f"sys/devices/platform/{soc}/{soc}:firmware/get_throttled", "50005\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "81234\n")
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    board = Board(tmp_path)
    flags = board.read_throttling()
    assert flags is not None
    assert flags.under_voltage
    assert board.is_under_voltage(board.read_throttling())
    assert flags.throttled
    assert flags.under_voltage_occurred
    assert flags.throttled_occurred
    assert not flags.frequency_capped
    assert not flags.soft_temperature_limit
    assert board.read_temperature_c() == 81.234
    assert board.read_model() == "Raspberry Pi 5 Model B Rev 1.0"


@pytest.mark.parametrize(("alarm", "expected"), [("0", False), ("1", True), ("", None)])
def test_a_pi_whose_kernel_has_but_the_alarm(
    tmp_path: Path,
    alarm: str,
    expected: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", f"{alarm}\n")
    assert Board(tmp_path).read_throttling() is None
    assert Board(tmp_path).is_under_voltage(None) is expected


def test_what_is_written_is_counted_with_the_children(tmp_path: Path) -> None:
    put(tmp_path, "proc/7/io", "wchar: 9\nwrite_bytes: 3145728\ncancelled_write_bytes: 0\n")
    put(tmp_path, "proc/7/task/7/children", "8 9 ")
    put(tmp_path, "proc/8/io", "write_bytes: 1048576\n")
    assert Board(tmp_path).read_written_mb(7) == 4.0, "9 has ended in between"
    assert Board(tmp_path).read_written_mb(9) is None


def test_what_an_ended_child_wrote_still_counts(tmp_path: Path) -> None:
    board = Board()
    before = board.read_written_mb(os.getpid())
    if before is None:
        pytest.skip("this kernel does not count")
    size = 4 << 20
    write = f"import os; f = open({str(tmp_path / 'f')!r}, 'wb'); f.write(os.urandom({size})); f.flush(); os.fsync(f)"
    subprocess.run([sys.executable, "-c", write], check=True)
    after = board.read_written_mb(os.getpid())
    assert after is not None
    if after == before:
        pytest.skip("this file system is not on a disk")
    assert after - before >= 4.0


def test_this_host_has_memory_and_a_disk(tmp_path: Path) -> None:
    board = Board()
    memory, disk, rss = (
        board.read_memory_mb(),
        board.read_disk_mb(tmp_path),
        board.read_rss_mb(os.getpid()),
    )
    assert memory is not None
    assert 0 < memory[1] <= memory[0]
    assert disk is not None
    assert 0 <= disk[1] <= disk[0]
    assert rss is not None
    assert 5 < rss < 5000
    assert board.read_disk_mb(tmp_path / "absent") is None
