"""Power cuts and reboots in the middle of an update."""

import json
import random
import secrets
import time

from msgspec.structs import replace

from system.fleet.fleet import LENIENT_TRIAL, MachineFleet, RolloutBundle, in_parallel

_CUTS = 5
_INSTALLATION_S = 9.0
"""About what one takes here, its trial included."""
_REBOOTED = ["pi4", "pi5"]
"""Those with trixie: with the older systemd a service in a container, shut in as ours, is shown the boot id of the machine below."""
_ENDLESS_TRIAL = replace(LENIENT_TRIAL, min_s=3600.0, max_s=7200.0)
_INCOMING = "/var/lib/edged/models/incoming"


def begin_install(fleet: MachineFleet, device: str, bundle: RolloutBundle) -> str:
    """Begin an installation, and return the id of its deployment."""
    source = f"{_INCOMING}/.{bundle.path.name}"
    fleet.devices[device].copy(bundle.path, source)
    answer = fleet.devices[device].run("edged", "model", "install", "--json", source)
    id_: str = json.loads(answer.stdout)["id"]
    return id_


def test_inference_resumes_after_a_power_cut_at_any_moment_of_an_installation(
    fleet: MachineFleet,
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    bundles = {device: [fleet.build_bundle() for _ in range(_CUTS)] for device in fleet.devices}

    def cut_again_and_again(device: str) -> None:
        chance = random.Random(f"{seed} {device}")
        for bundle in bundles[device]:
            _cut_power(fleet, device, bundle, chance.uniform(0, _INSTALLATION_S))

    in_parallel(cut_again_and_again, fleet.devices)


def _cut_power(fleet: MachineFleet, device: str, bundle: RolloutBundle, delay_s: float) -> None:
    """Cut the power so long after an installation has begun, and check that inference resumes and the deployment goes on."""
    host = fleet.devices[device]
    id_ = begin_install(fleet, device, bundle)
    time.sleep(delay_s)
    host.power_cut()
    since = fleet.listener.position()
    host.power_on()
    fleet.await_active(device)
    status = fleet.model_status(device)
    found = status["deployment"]["state"] if status["deployment"] else "over"
    print(f"{device}: cut after {delay_s:.1f} s, found {found}")
    assert status["daemon"]
    assert not status["versions"][0]["damage"]
    fleet.listener.await_message(device, "/detections", after=since)
    host.run("edged", "model", "wait", id_, "--timeout", "120")
    assert fleet.active_digest(device) == bundle.digest


def test_a_reboot_in_a_trial_counts_and_the_trial_begins_anew(fleet: MachineFleet) -> None:
    bundle = fleet.build_bundle(_ENDLESS_TRIAL)
    in_parallel(lambda device: _reboot_in_trial(fleet, device, bundle), _REBOOTED)


def _reboot_in_trial(fleet: MachineFleet, device: str, bundle: RolloutBundle) -> None:
    host, before = fleet.devices[device], fleet.active_digest(device)
    begin_install(fleet, device, bundle)
    try:
        boots = fleet.await_trial(device)["boots"]
        since = fleet.listener.position()
        host.reboot()
        fleet.await_active(device)
        again = fleet.await_trial(device, boots=boots + 1)
        assert (again["boots"], again["deaths"]) == (boots + 1, 0)
        fleet.listener.await_message(device, "/detections", after=since)
    finally:
        host.run("edged", "model", "rollback", check=False)
    assert fleet.active_digest(device) == before
