"""A daemon that does not stay up gets an older model, at last the factory's."""

import time

from system.fleet.fleet import ONE_OF_EACH, Bundle, Fleet, at_once
from system.fleet.test_power import begin

_QUICK = "[Service]\nRestartSec=100ms\nRestartSteps=0\n"
_DROP_IN = "/run/systemd/system/edged.service.d/quick.conf"
_STEPS = 3
"""From a current and a previous version to the factory model are two."""
_STEP_S = 120.0
_POLL_S = 0.1


def test_a_daemon_that_falls_again_and_again_ends_with_the_factory_model(fleet: Fleet) -> None:
    bundle = fleet.bundle()
    at_once(lambda device: _fall(fleet, device, bundle), ONE_OF_EACH)


def _fall(fleet: Fleet, device: str, bundle: Bundle) -> None:
    host = fleet.devices[device]
    id_ = begin(fleet, device, bundle)
    host.run("edged", "model", "wait", id_, "--timeout", "120")
    assert fleet.digest(device)
    host.write(_DROP_IN, _QUICK)
    host.run("systemctl", "daemon-reload")
    try:
        for _ in range(_STEPS):
            _fell_until_rescued(fleet, device)
            fleet.await_active(device)
            print(f"{device}: rescued, and looks with {fleet.models(device)['looking']}")
            if not fleet.digest(device):
                break
    finally:
        host.run("rm", _DROP_IN)
        host.run("systemctl", "daemon-reload")
    assert fleet.models(device)["versions"][0]["role"] == "factory"
    fleet.listener.await_one(device, "/detections", after=fleet.listener.now())


def _fell_until_rescued(fleet: Fleet, device: str) -> None:
    """Kill its process whenever there is one, until systemd gives up and starts the rescue."""
    host, before = fleet.devices[device], _rescued(fleet, device)
    deadline = time.monotonic() + _STEP_S
    while _rescued(fleet, device) == before:
        pid = host.run("systemctl", "show", "--property=MainPID", "--value", "edged").stdout.strip()
        if pid != "0":
            host.run("kill", "-KILL", pid, check=False)
        assert time.monotonic() < deadline, fleet.journal(device)
        time.sleep(_POLL_S)


def _rescued(fleet: Fleet, device: str) -> str:
    """When that was last begun; kept by systemd."""
    argv = ["systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value"]
    return fleet.devices[device].run(*argv, "edged-rescue").stdout.strip()
