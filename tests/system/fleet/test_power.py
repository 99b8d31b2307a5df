"""The power goes, or the host is started anew, in the middle of an update."""

import json
import random
import secrets
import time

from msgspec.structs import replace

from system.fleet.fleet import BRIEF, Bundle, Fleet, at_once

_CUTS = 5
_INSTALLATION_S = 9.0
"""About what one takes here, its trial included."""
_REBOOTED = ["pi4", "pi5"]
"""Those with trixie: with the older systemd a service in a container, shut in as ours, is shown the boot id of the machine below."""
_ENDLESS = replace(BRIEF, min_s=3600.0, most_s=7200.0)
_INCOMING = "/var/lib/edged/models/incoming"


def begin(fleet: Fleet, device: str, bundle: Bundle) -> str:
    """Have it installed; the id of its deployment."""
    source = f"{_INCOMING}/.{bundle.path.name}"
    fleet.devices[device].copy(bundle.path, source)
    answer = fleet.devices[device].run("edged", "model", "install", "--json", source)
    id_: str = json.loads(answer.stdout)["id"]
    return id_


def test_a_model_looks_after_a_power_cut_at_any_moment_of_an_installation(fleet: Fleet) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    bundles = {device: [fleet.bundle() for _ in range(_CUTS)] for device in fleet.devices}

    def cut_again_and_again(device: str) -> None:
        chance = random.Random(f"{seed} {device}")
        for bundle in bundles[device]:
            _cut(fleet, device, bundle, chance.uniform(0, _INSTALLATION_S))

    at_once(cut_again_and_again, fleet.devices)


def _cut(fleet: Fleet, device: str, bundle: Bundle, moment_s: float) -> None:
    """Cut the power so long after an installation has begun, and see that the device looks again, and forgets nothing."""
    host = fleet.devices[device]
    id_ = begin(fleet, device, bundle)
    time.sleep(moment_s)
    host.power_cut()
    since = fleet.listener.now()
    host.up()
    fleet.await_active(device)
    told = fleet.models(device)
    found = told["deployment"]["state"] if told["deployment"] else "over"
    print(f"{device}: cut after {moment_s:.1f} s, found {found}")
    assert told["daemon"]
    assert not told["versions"][0]["damage"]
    fleet.listener.await_one(device, "/detections", after=since)
    host.run("edged", "model", "wait", id_, "--timeout", "120")
    assert fleet.digest(device) == bundle.digest


def test_a_reboot_in_a_trial_counts_and_the_trial_begins_anew(fleet: Fleet) -> None:
    bundle = fleet.bundle(_ENDLESS)
    at_once(lambda device: _reboot_in_trial(fleet, device, bundle), _REBOOTED)


def _reboot_in_trial(fleet: Fleet, device: str, bundle: Bundle) -> None:
    host, before = fleet.devices[device], fleet.digest(device)
    begin(fleet, device, bundle)
    try:
        boots = fleet.await_trial(device)["boots"]
        since = fleet.listener.now()
        host.reboot()
        fleet.await_active(device)
        again = fleet.await_trial(device, boots=boots + 1)
        assert (again["boots"], again["deaths"]) == (boots + 1, 0)
        fleet.listener.await_one(device, "/detections", after=since)
    finally:
        host.run("edged", "model", "rollback", check=False)
    assert fleet.digest(device) == before
