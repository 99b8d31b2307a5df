"""Rollouts of models to the fleet, which stop where they should."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec.structs import replace

from system.fleet.controller import PlaybookRun
from system.fleet.fleet import LENIENT_TRIAL, ONE_PER_RELEASE, MachineFleet, RolloutBundle

_CANARIES = ["pi1", "pi2", "pi3"]
_OTHERS = ["pi4", "pi5"]
_LONG_TRIAL = replace(LENIENT_TRIAL, min_s=15.0)
"""Long enough to be cut off in the middle."""


def roll_out(fleet: MachineFleet, bundle: RolloutBundle, **variables: Any) -> PlaybookRun:
    """Run the rollout playbook as an operator does."""
    return fleet.controller.play(
        "model_rollout",
        check=False,
        **{"rollout_bundle": str(bundle.path), **variables},
        rollout_timeout_s=300,
        rollout_min_disk_free_mb=0,
    )


def judged_waves(fleet: MachineFleet, bundle: RolloutBundle) -> list[dict[str, Any]]:
    """Return the recorded result of each wave."""
    results = fleet.controller.folder / "rollouts" / bundle.digest[:12] / "rollout.json"
    judged: list[dict[str, Any]] = json.loads(results.read_text())["wave_results"]
    return judged


def test_a_good_model_reaches_all_and_a_second_run_changes_nothing(fleet: MachineFleet) -> None:
    bundle, since = fleet.build_bundle(), fleet.listener.position()
    played = roll_out(fleet, bundle)
    assert not played.exit_code, played.output
    for device in fleet.devices:
        assert fleet.active_digest(device) == bundle.digest
        state = fleet.listener.await_message(
            device, "/model", lambda b: b["last"] and b["last"]["digest"] == bundle.digest, after=since
        )  # fmt: skip
        assert state["last"]["outcome"] == "committed"
        assert state["installed"]["name"] == bundle.title
    assert [wave["committed"] for wave in judged_waves(fleet, bundle)] == [3, 2]

    again = roll_out(fleet, bundle)
    assert not again.exit_code, again.output
    assert not any(one.changed for one in again.counts.values())


def test_devices_fetch_a_model_from_a_mirror(fleet: MachineFleet) -> None:
    bundle, (one, other) = fleet.build_bundle(), ONE_PER_RELEASE
    played = roll_out(
        fleet,
        bundle,
        rollout_bundle="",
        rollout_url=fleet.mirror.publish_file(bundle.path),
        rollout_digest=bundle.digest,
        rollout_hosts=f"{one}:{other}",
    )
    assert not played.exit_code, played.output
    assert [fleet.active_digest(device) for device in (one, other)] == [bundle.digest] * 2


def test_a_degraded_model_stops_at_the_canaries_which_roll_back_by_themselves(
    fleet: MachineFleet,
) -> None:
    before = {device: fleet.active_digest(device) for device in fleet.devices}
    bundle = fleet.build_degraded_bundle()
    played = roll_out(fleet, bundle)
    assert played.exit_code
    (wave,) = judged_waves(fleet, bundle)
    assert list(wave["hosts"]) == _CANARIES
    assert not wave["passed"]
    for device in _CANARIES:
        last = fleet.model_status(device)["past"][-1]
        assert (last["digest"], last["outcome"]) == (bundle.digest, "rolled-back")
        assert last["reason"] in played.output
        print(f"{device}: {last['reason']}")
    for device in _OTHERS:
        assert bundle.digest not in json.dumps(fleet.model_status(device))
    assert {device: fleet.active_digest(device) for device in fleet.devices} == before


def test_canaries_that_vanish_stop_it_and_a_second_run_takes_up_where_they_were(
    fleet: MachineFleet,
) -> None:
    bundle = fleet.build_bundle(_LONG_TRIAL)
    lost = _CANARIES[:2]
    with ThreadPoolExecutor(len(lost)) as pool:
        cuts = pool.map(lambda device: cut_in_trial(fleet, device), lost)
        played = roll_out(
            fleet, bundle, rollout_reconnect_timeout_s=2, rollout_canary_hosts=_CANARIES
        )
        assert list(cuts) == [None] * len(lost)
    assert played.exit_code
    (wave,) = judged_waves(fleet, bundle)
    assert {d: one["outcome"] for d, one in wave["hosts"].items()} == {
        **dict.fromkeys(lost, "unreachable"),
        _CANARIES[2]: "committed",
    }, played.output
    for device in _OTHERS:
        assert bundle.digest not in json.dumps(fleet.model_status(device))

    for device in lost:
        fleet.devices[device].power_on()
        fleet.await_active(device)
    again = roll_out(fleet, bundle)
    assert not again.exit_code, again.output
    assert {fleet.active_digest(device) for device in fleet.devices} == {bundle.digest}


def cut_in_trial(fleet: MachineFleet, device: str) -> None:
    """Cut the power of a device as soon as its trial has begun."""
    fleet.await_trial(device)
    fleet.devices[device].power_cut()
