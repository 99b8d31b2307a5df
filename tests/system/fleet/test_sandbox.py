"""The service from inside: what it may not do, and that inference is not slower."""

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from system.fleet.fleet import MODEL, ONE_PER_RELEASE, MachineFleet

_OUTPUT = "/run/probe.out"
_PROBE = "/usr/local/lib/edged-probe.py"
_PYTHON = "/opt/edged/bin/python"
_NON_SANDBOX_SETTING = re.compile(
    r"^(Type|NotifyAccess|Exec\w+|Restart\w*|StartLimit\w*|WatchdogSec|OnFailure|WantedBy)="
)
_USER_SETTING = re.compile(r"^(User|Group|\w+Directory|LoadCredential)=")
_MAX_SLOWDOWN = 2.0
"""Without XNNPACK it would be at least 5."""
_PAIRS = 4

pytestmark = pytest.mark.parametrize("device", ONE_PER_RELEASE)


def run_in_service(
    fleet: MachineFleet, device: str, command: str, *, sandboxed: bool = True
) -> str:
    """Run a command in the daemon's place, and return its output.

    Args:
        fleet: the fleet.
        device: name of the device.
        command: the command with its full path.
        sandboxed: with the service's sandbox, as systemd has read it from the unit and its drop-ins; otherwise only as its user.
    """
    host = fleet.devices[device]
    lines = host.run("systemctl", "cat", "edged.service").stdout.splitlines()
    if sandboxed:
        kept = [line for line in lines if not _NON_SANDBOX_SETTING.match(line)]
    else:
        kept = ["[Service]", *(line for line in lines if _USER_SETTING.match(line))]
    own = [
        "[Service]",
        "Type=oneshot",
        f"ExecStart={command}",
        f"StandardOutput=truncate:{_OUTPUT}",
        "RuntimeDirectoryPreserve=yes",  # the daemon's own, which goes on
    ]
    host.write("/run/systemd/system/edged-probe.service", "\n".join([*kept, *own, ""]))
    host.run("systemctl", "daemon-reload")
    done = host.run("systemctl", "start", "edged-probe.service", check=False)
    assert not done.returncode, host.run("journalctl", "-u", "edged-probe", "-n", "30").stdout
    return host.run("cat", _OUTPUT).stdout


def run_as_root(fleet: MachineFleet, device: str, command: str) -> str:
    """Run a command as root, without a sandbox."""
    return fleet.devices[device].run(*command.split()).stdout


@pytest.fixture
def probe(device: str, fleet: MachineFleet) -> str:
    """Return the command of the probe."""
    host = fleet.devices[device]
    host.copy(Path(__file__).with_name("probe.py"), _PROBE)
    host.write("/home/somebody/letter", "dear")
    return f"{_PYTHON} {_PROBE}"


def test_nothing_but_its_own_can_be_written_read_or_opened(
    device: str, fleet: MachineFleet, probe: str
) -> None:
    results = json.loads(run_in_service(fleet, device, probe))
    print(json.dumps(results["attempts"], indent=1))
    assert results["allowed"] == dict.fromkeys(results["allowed"], "open")
    assert "open" not in results["attempts"].values()
    for place in ("/etc", "/usr", "/opt/edged", "/var/lib"):
        assert results["attempts"][f"a file in {place}"] == "Read-only file system"


def test_it_is_the_unit_that_forbids_what_its_user_could_do(
    device: str, fleet: MachineFleet, probe: str
) -> None:
    results = json.loads(run_in_service(fleet, device, probe, sandboxed=False))
    done = {name for name, outcome in results["attempts"].items() if outcome == "open"}
    assert done >= {
        "reading /home",
        "another personality",
        "memory that is written and run",
        "a file that anybody runs as its owner",
    }


def test_inference_is_as_fast_inside_as_outside(device: str, fleet: MachineFleet) -> None:
    site = f"{_PYTHON} -c 'from edged import bundled; print(bundled.model_path(\"{MODEL}\"))'"
    command = f"/usr/bin/edged inspect --json {fleet.devices[device].run_script(site).strip()}"
    times: dict[str, list[float]] = {"inside": [], "outside": []}
    for _ in range(_PAIRS):
        for where, run in (("inside", run_in_service), ("outside", run_as_root)):
            report: dict[str, Any] = json.loads(run(fleet, device, command))
            assert report["delegate"].startswith("XNNPACK")
            times[where].append(report["invoke_ms_p50"])
    ratio = statistics.median(times["inside"]) / statistics.median(times["outside"])
    print(f"{device}: an invocation takes {ratio:.2f} times as long inside: {times}")
    assert ratio < _MAX_SLOWDOWN
    message = fleet.listener.await_message(device, "/info", lambda body: body["delegate"])
    assert message["delegate"].startswith("XNNPACK")
