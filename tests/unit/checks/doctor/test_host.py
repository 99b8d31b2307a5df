"""Checks of the host: each status, and what to do about it."""

from pathlib import Path

import pytest

from edged.checks.doctor.clock import assess_clock
from edged.checks.doctor.delegate import assess_delegate, find_edgetpus
from edged.checks.doctor.disk import assess_disk, check_disk
from edged.checks.doctor.disk_wear import assess_disk_wear
from edged.checks.doctor.finding import Finding, FindingStatus, fail, ok, warn, worst_status
from edged.checks.doctor.memory import assess_memory
from edged.checks.doctor.power import assess_power
from edged.checks.doctor.service import assess_service
from edged.checks.doctor.temperature import assess_temperature
from edged.checks.systemd_unit import UnitState
from edged.config.settings import Settings
from edged.host.board import Board, ThrottlingFlags

HEALTHY_SERVICE = UnitState(
    active_state="active",
    unit_file_state="enabled",
    needs_daemon_reload=False,
    restarts=0,
    exit_status=None,
    has_watchdog=True,
)


def status_of(finding: Finding) -> str:
    assert finding.message
    assert finding.advice or finding.status == "ok", "every problem comes with advice"
    return finding.status


@pytest.mark.parametrize(
    ("changes", "status", "advice"),
    [
        ({}, "ok", ""),
        ({"active_state": "failed"}, "fail", "journalctl"),
        ({"active_state": "inactive"}, "fail", "systemctl start"),
        ({"active_state": "activating"}, "warn", "check again"),
        ({"active_state": "activating", "restarts": 1}, "fail", "journalctl"),
        ({"needs_daemon_reload": True}, "warn", "daemon-reload"),
        ({"has_watchdog": False}, "warn", "WatchdogSec"),
        ({"unit_file_state": "disabled"}, "warn", "enable"),
        ({"restarts": 2}, "warn", "journalctl"),
    ],
)
def test_the_service(changes: dict[str, object], status: str, advice: str) -> None:
    fields = {name: getattr(HEALTHY_SERVICE, name) for name in UnitState.__slots__}
    finding = assess_service(UnitState(**(fields | changes)))
    assert status_of(finding) == status
    assert advice in finding.advice


def test_a_missing_service_is_a_warning() -> None:
    assert status_of(assess_service(None)) == "warn"


@pytest.mark.parametrize(
    ("bits", "status"),
    [
        (0, "ok"),
        (1 << 0, "fail"),
        (1 << 2, "warn"),
        (1 << 1, "warn"),
        (1 << 16, "warn"),
        (1 << 18, "warn"),
    ],
)
def test_the_power(bits: int, status: str) -> None:
    flags = ThrottlingFlags.from_bits(bits)
    finding = assess_power(flags, under_voltage=flags.under_voltage, board_model="Raspberry Pi 4")
    assert status_of(finding) == status


@pytest.mark.parametrize(
    ("under_voltage", "board_model", "status"),
    [
        (None, "x86_64", "ok"),
        (None, "Raspberry Pi 5 Model B Rev 1.0", "warn"),
        (True, "Raspberry Pi 5 Model B Rev 1.0", "fail"),
        (False, "Raspberry Pi 5 Model B Rev 1.0", "ok"),
    ],
)
def test_the_power_without_the_firmwares_flags(
    under_voltage: bool | None,  # noqa: FBT001 - a parameter of the test
    board_model: str,
    status: str,
) -> None:
    finding = assess_power(None, under_voltage=under_voltage, board_model=board_model)
    assert status_of(finding) == status


def test_what_a_board_does_not_report_is_not_guessed() -> None:
    for finding in (
        assess_power(None, under_voltage=None, board_model=""),
        assess_temperature(None),
        assess_memory(None),
    ):
        assert (finding.status, "not measured" in finding.message) == ("ok", True)


def test_the_temperature_the_memory_and_the_clock() -> None:
    assert status_of(assess_temperature(55.0)) == "ok"
    assert status_of(assess_temperature(82.0)) == "warn"
    assert status_of(assess_memory((1000.0, 500.0))) == "ok"
    assert status_of(assess_memory((1000.0, 50.0))) == "warn"
    assert status_of(assess_clock("synced")) == "ok"
    assert status_of(assess_clock("floor")) == "warn"
    assert status_of(assess_clock("unsynced")) == "fail"


@pytest.mark.parametrize(
    ("mb", "error", "status"),
    [
        ((30_000.0, 20_000.0), None, "ok"),
        ((30_000.0, 100.0), None, "warn"),
        ((30_000.0, 5.0), None, "fail"),
        ((30_000.0, 20_000.0), "/x cannot be written: Read-only file system", "fail"),
        (None, None, "fail"),
    ],
)
def test_the_disk(mb: tuple[float, float] | None, error: str | None, status: str) -> None:
    finding = assess_disk(mb, write_error=error, required_mb=128.0)
    assert status_of(finding) == status
    assert (error or "") in finding.message


def test_the_disk_is_written_to(tmp_path: Path) -> None:
    (finding,) = check_disk(Board(), tmp_path, Settings())
    assert finding.status in {"ok", "warn"}
    assert list(tmp_path.iterdir()) == []
    (finding,) = check_disk(Board(), tmp_path / "absent", Settings())
    assert finding.status == "fail"
    assert "absent" in finding.message


def test_written_bytes_are_reported_per_day() -> None:
    finding = assess_disk_wear(10.0, 36_000.0)
    assert (finding.status, finding.message) == ("ok", "10.0 MB written in 10.0 h, 24 MB per day")
    assert status_of(assess_disk_wear(1000.0, 3600.0)) == "warn"
    assert assess_disk_wear(100.0, 5.0).status == "ok", "a start says nothing about a day"
    assert "not measured" in assess_disk_wear(None, 5.0).message


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_an_edgetpu_is_found_and_compared_with_the_configuration(tmp_path: Path) -> None:
    assert find_edgetpus(tmp_path) == ()
    put(tmp_path, "sys/bus/usb/devices/1-1/idVendor", "18d1\n")
    put(tmp_path, "sys/bus/usb/devices/1-1/idProduct", "9302\n")
    put(tmp_path, "sys/bus/usb/devices/1-2/idVendor", "046d\n")
    put(tmp_path, "dev/apex_0", "")
    found = find_edgetpus(tmp_path)
    assert found == ("USB", "PCIe (apex_0)")
    assert status_of(assess_delegate(None, ())) == "ok"
    assert status_of(assess_delegate(None, found)) == "warn"
    assert status_of(assess_delegate("libedgetpu.so.1", found)) == "ok"
    assert status_of(assess_delegate("libedgetpu.so.1", ())) == "fail"
    assert status_of(assess_delegate("/opt/other.so", ())) == "ok"


def test_the_worst_status_of_all() -> None:
    assert worst_status([]) is FindingStatus.OK
    assert worst_status([ok("a", "x"), warn("b", "x", "y"), ok("c", "x")]) is FindingStatus.WARN
    assert worst_status([fail("a", "x"), warn("b", "x", "y")]) is FindingStatus.FAIL
