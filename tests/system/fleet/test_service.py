"""The daemon as a service of the real systemd of both releases."""

import json
import time

import pytest

from system.fleet.fleet import ONE_PER_RELEASE, MachineFleet, in_parallel

each_release = pytest.mark.parametrize("device", ONE_PER_RELEASE)
_MAX_REPLACE_S = 120.0
_MAX_STOP_S = 2.0
_SECOND_CAMERA = b'[camera.second]\nsource = "synthetic"\nwidth = 64\nheight = 64\nfps = 1.0\n'
_US_PER_S = 1e6


def unit_properties(fleet: MachineFleet, device: str, *names: str) -> dict[str, str]:
    """Return properties of the service from systemd."""
    argv = ["systemctl", "show", "edged", *(f"--property={name}" for name in names)]
    lines = fleet.devices[device].run(*argv).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


@each_release
def test_it_is_ready_when_inference_runs(device: str, fleet: MachineFleet) -> None:
    """Restart the service: `systemctl restart` waits until it is ready."""
    since = fleet.listener.position()
    fleet.devices[device].run("systemctl", "restart", "edged")
    service = unit_properties(fleet, device, "Type", "SubState", "StatusText")
    assert (service["Type"], service["SubState"]) == ("notify", "running")
    assert service["StatusText"] == "running"
    fleet.listener.await_message(device, "/detections", after=since)


@each_release
def test_a_reload_takes_a_changed_configuration_and_keeps_the_process(
    device: str, fleet: MachineFleet
) -> None:
    host, extra = fleet.devices[device], "/etc/edged/conf.d/second.toml"
    before = unit_properties(fleet, device, "MainPID")

    def cameras() -> list[str]:
        since = fleet.listener.position()
        host.run("systemctl", "reload", "edged")
        message = fleet.listener.await_message(device, "/health", after=since)
        return sorted(message["cameras"])

    host.write(extra, _SECOND_CAMERA)
    try:
        fleet.listener.await_message(device, "/health", lambda _: cameras() == ["room", "second"])
        host.write(extra, _SECOND_CAMERA.replace(b"fps", b"fsp"))
        since = fleet.listener.position()
        host.run("systemctl", "reload", "edged", check=False)
        message = fleet.listener.await_message(
            device, "/health", lambda b: "fsp" in json.dumps(b["degradations"]), after=since
        )
        assert sorted(message["cameras"]) == ["room", "second"]
    finally:
        host.run("rm", "-f", extra)
    assert cameras() == ["room"]
    assert unit_properties(fleet, device, "MainPID") == before


@each_release
def test_it_stops_at_once_and_publishes_offline(device: str, fleet: MachineFleet) -> None:
    host, since = fleet.devices[device], fleet.listener.position()
    host.run("systemctl", "stop", "edged")
    try:
        times = unit_properties(
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
        assert took_s < _MAX_STOP_S
        fleet.listener.await_message(
            device, "/status", lambda b: b["status"] == "offline", after=since
        )
    finally:
        host.run("systemctl", "start", "edged")


@each_release
def test_what_it_logs_has_fields_in_the_journal(device: str, fleet: MachineFleet) -> None:
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
def test_messages_carry_that_the_clock_is_synchronised(device: str, fleet: MachineFleet) -> None:
    """Check the file of systemd-timesyncd: the service may not ask the kernel, and timesyncd does not run in a container."""
    host, since = fleet.devices[device], fleet.listener.position()
    assert fleet.listener.await_message(device, "/health", after=since)["clock"] != "synced"
    host.write("/run/systemd/timesync/synchronized", "")
    try:
        fleet.listener.await_message(
            device, "/health", lambda b: b["clock"] == "synced", after=since
        )
    finally:
        host.run("rm", "/run/systemd/timesync/synchronized")


def test_a_daemon_that_hangs_is_killed_by_the_watchdog_and_comes_back(fleet: MachineFleet) -> None:
    in_parallel(lambda device: _hang_until_watchdog(fleet, device), ONE_PER_RELEASE)


def _hang_until_watchdog(fleet: MachineFleet, device: str) -> None:
    host = fleet.devices[device]
    before, began = unit_properties(fleet, device, "MainPID", "NRestarts"), time.monotonic()
    since = fleet.listener.position()
    host.run("kill", "-STOP", before["MainPID"])
    fleet.listener.await_message(
        device, "/status", lambda b: b["status"] == "online", after=since, timeout_s=_MAX_REPLACE_S
    )
    fleet.await_active(device)
    after = unit_properties(fleet, device, "MainPID", "NRestarts")
    print(f"{device}: back after {time.monotonic() - began:.0f} s")
    assert after["MainPID"] != before["MainPID"]
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1
    journal = fleet.journal(device, f"--since=-{_MAX_REPLACE_S:.0f}s", "--lines=2000")
    assert "Watchdog timeout" in journal
    fleet.listener.await_message(device, "/detections", after=since)
