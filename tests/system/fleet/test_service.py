"""The daemon as systemd's service: each on a real systemd of both releases."""

import json
import time

import pytest

from system.fleet.fleet import ONE_OF_EACH, Fleet, at_once

each_release = pytest.mark.parametrize("device", ONE_OF_EACH)
_REPLACED_S = 120.0
_STOP_S = 2.0
_SECOND_CAMERA = b'[camera.second]\nsource = "synthetic"\nwidth = 64\nheight = 64\nfps = 1.0\n'
_US_PER_S = 1e6


def shown(fleet: Fleet, device: str, *names: str) -> dict[str, str]:
    """Properties of the service, as systemd has them."""
    argv = ["systemctl", "show", "edged", *(f"--property={name}" for name in names)]
    lines = fleet.devices[device].run(*argv).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


@each_release
def test_it_is_ready_when_it_looks(device: str, fleet: Fleet) -> None:
    """`systemctl restart` waits for that."""
    since = fleet.listener.now()
    fleet.devices[device].run("systemctl", "restart", "edged")
    service = shown(fleet, device, "Type", "SubState", "StatusText")
    assert (service["Type"], service["SubState"]) == ("notify", "running")
    assert service["StatusText"] == "looking"
    fleet.listener.await_one(device, "/detections", after=since)


@each_release
def test_a_reload_takes_a_changed_configuration_and_keeps_the_process(
    device: str, fleet: Fleet
) -> None:
    host, extra = fleet.devices[device], "/etc/edged/conf.d/second.toml"
    before = shown(fleet, device, "MainPID")

    def cameras() -> list[str]:
        since = fleet.listener.now()
        host.run("systemctl", "reload", "edged")
        told = fleet.listener.await_one(device, "/health", after=since)
        return sorted(told["cameras"])

    host.write(extra, _SECOND_CAMERA)
    try:
        fleet.listener.await_one(device, "/health", lambda _: cameras() == ["room", "second"])
        host.write(extra, _SECOND_CAMERA.replace(b"fps", b"fsp"))
        since = fleet.listener.now()
        host.run("systemctl", "reload", "edged", check=False)
        told = fleet.listener.await_one(
            device, "/health", lambda b: "fsp" in json.dumps(b["degradations"]), after=since
        )
        assert sorted(told["cameras"]) == ["room", "second"]
    finally:
        host.run("rm", "-f", extra)
    assert cameras() == ["room"]
    assert shown(fleet, device, "MainPID") == before


@each_release
def test_it_stops_at_once_and_says_goodbye(device: str, fleet: Fleet) -> None:
    host, since = fleet.devices[device], fleet.listener.now()
    host.run("systemctl", "stop", "edged")
    try:
        times = shown(
            fleet,
            device,
            "ActiveExitTimestampMonotonic",
            "InactiveEnterTimestampMonotonic",
            "Result",
        )
        took_s = (
            int(times["InactiveEnterTimestampMonotonic"])
            - int(times["ActiveExitTimestampMonotonic"])
        ) / _US_PER_S
        print(f"stopped in {took_s:.2f} s")
        assert times["Result"] == "success"
        assert took_s < _STOP_S
        fleet.listener.await_one(device, "/status", lambda b: b["status"] == "offline", after=since)
    finally:
        host.run("systemctl", "start", "edged")


@each_release
def test_what_it_logs_has_fields_in_the_journal(device: str, fleet: Fleet) -> None:
    lines = fleet.journal(device, "--output=json", "--boot").splitlines()
    entries = [
        entry
        for entry in map(json.loads, lines)
        if entry["_SYSTEMD_UNIT" if "_SYSTEMD_UNIT" in entry else "UNIT"] == "edged.service"
        and entry["SYSLOG_IDENTIFIER"] == "edged"
    ]
    assert entries
    assert all(entry["PRIORITY"].isdigit() for entry in entries)
    assert any(name.startswith("EDGED_") for entry in entries for name in entry), entries


@each_release
def test_messages_say_that_the_clock_is_kept_right(device: str, fleet: Fleet) -> None:
    """By the mark of systemd-timesyncd, which does not run in a container: the kernel may not be asked from inside the service."""
    host, since = fleet.devices[device], fleet.listener.now()
    assert fleet.listener.await_one(device, "/health", after=since)["clock"] != "synced"
    host.write("/run/systemd/timesync/synchronized", "")
    try:
        fleet.listener.await_one(device, "/health", lambda b: b["clock"] == "synced", after=since)
    finally:
        host.run("rm", "/run/systemd/timesync/synchronized")


def test_a_daemon_that_hangs_is_killed_by_the_watchdog_and_comes_back(fleet: Fleet) -> None:
    at_once(lambda device: _hang(fleet, device), ONE_OF_EACH)


def _hang(fleet: Fleet, device: str) -> None:
    host = fleet.devices[device]
    before, began = shown(fleet, device, "MainPID", "NRestarts"), time.monotonic()
    since = fleet.listener.now()
    host.run("kill", "-STOP", before["MainPID"])
    fleet.listener.await_one(
        device, "/status", lambda b: b["status"] == "online", after=since, timeout_s=_REPLACED_S
    )
    fleet.await_active(device)
    after = shown(fleet, device, "MainPID", "NRestarts")
    print(f"{device}: back after {time.monotonic() - began:.0f} s")
    assert after["MainPID"] != before["MainPID"]
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1
    said = fleet.journal(device, f"--since=-{_REPLACED_S:.0f}s", "--lines=2000")
    assert "Watchdog timeout" in said
    fleet.listener.await_one(device, "/detections", after=since)
