"""A daemon that crashes again and again gets an older model, and at last the factory model."""

import time

from system.fleet.fleet import ONE_PER_RELEASE, MachineFleet, RolloutBundle, in_parallel
from system.fleet.test_power import begin_install

_QUICK_RESTART = "[Service]\nRestartSec=100ms\nRestartSteps=0\n"
_DROP_IN = "/run/systemd/system/edged.service.d/quick.conf"
_STEPS = 3
"""From a current and a previous version to the factory model are two."""
_STEP_S = 120.0
_POLL_S = 0.1


def test_a_daemon_that_falls_again_and_again_ends_with_the_factory_model(
    fleet: MachineFleet,
) -> None:
    bundle = fleet.build_bundle()
    in_parallel(lambda device: _crash_until_factory(fleet, device, bundle), ONE_PER_RELEASE)


def _crash_until_factory(fleet: MachineFleet, device: str, bundle: RolloutBundle) -> None:
    host = fleet.devices[device]
    id_ = begin_install(fleet, device, bundle)
    host.run("edged", "model", "wait", id_, "--timeout", "120")
    assert fleet.active_digest(device)
    host.write(_DROP_IN, _QUICK_RESTART)
    host.run("systemctl", "daemon-reload")
    try:
        for _ in range(_STEPS):
            _kill_until_rescued(fleet, device)
            fleet.await_active(device)
            print(f"{device}: rescued, and looks with {fleet.model_status(device)['active_model']}")
            if not fleet.active_digest(device):
                break
    finally:
        host.run("rm", _DROP_IN)
        host.run("systemctl", "daemon-reload")
    assert fleet.model_status(device)["versions"][0]["role"] == "factory"
    fleet.listener.await_message(device, "/detections", after=fleet.listener.position())


def _kill_until_rescued(fleet: MachineFleet, device: str) -> None:
    """Kill the daemon whenever it runs, until systemd gives up and starts the rescue."""
    host, before = fleet.devices[device], _rescue_started_at(fleet, device)
    deadline = time.monotonic() + _STEP_S
    while _rescue_started_at(fleet, device) == before:
        pid = host.run("systemctl", "show", "--property=MainPID", "--value", "edged").stdout.strip()
        if pid != "0":
            host.run("kill", "-KILL", pid, check=False)
        assert time.monotonic() < deadline, fleet.journal(device)
        time.sleep(_POLL_S)


def _rescue_started_at(fleet: MachineFleet, device: str) -> str:
    """Return when the rescue was last started, from systemd."""
    argv = ["systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value"]
    return fleet.devices[device].run(*argv, "edged-rescue").stdout.strip()
