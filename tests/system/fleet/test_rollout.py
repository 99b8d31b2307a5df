"""Models go out to the fleet, and stop where they should."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec.structs import replace

from system.fleet.controller import Played
from system.fleet.fleet import BRIEF, ONE_OF_EACH, Bundle, Fleet

_CANARIES = ["pi1", "pi2", "pi3"]
_OTHERS = ["pi4", "pi5"]
_LONG = replace(BRIEF, min_s=15.0)
"""Long enough to be cut off in the middle."""


def roll_out(fleet: Fleet, bundle: Bundle, **variables: Any) -> Played:
    """As an operator does it."""
    return fleet.controller.play(
        "model_rollout",
        check=False,
        **{"rollout_bundle": str(bundle.path), **variables},
        rollout_timeout_s=300,
        rollout_disk_free_mb=0,
    )


def verdicts(fleet: Fleet, bundle: Bundle) -> list[dict[str, Any]]:
    """What was written down of each wave."""
    results = fleet.controller.folder / "rollouts" / bundle.digest[:12] / "rollout.json"
    judged: list[dict[str, Any]] = json.loads(results.read_text())["judged"]
    return judged


def test_a_good_model_reaches_all_and_a_second_run_changes_nothing(fleet: Fleet) -> None:
    bundle, since = fleet.bundle(), fleet.listener.now()
    played = roll_out(fleet, bundle)
    assert not played.code, played.said
    for device in fleet.devices:
        assert fleet.digest(device) == bundle.digest
        told = fleet.listener.await_one(
            device, "/model", lambda b: b["last"] and b["last"]["digest"] == bundle.digest, after=since
        )  # fmt: skip
        assert told["last"]["outcome"] == "committed"
        assert told["installed"]["name"] == bundle.title
    assert [wave["committed"] for wave in verdicts(fleet, bundle)] == [3, 2]

    again = roll_out(fleet, bundle)
    assert not again.code, again.said
    assert not any(one.changed for one in again.counts.values())


def test_devices_fetch_a_model_from_a_mirror(fleet: Fleet) -> None:
    bundle, (one, other) = fleet.bundle(), ONE_OF_EACH
    played = roll_out(
        fleet,
        bundle,
        rollout_bundle="",
        rollout_url=fleet.mirror.offer(bundle.path),
        rollout_digest=bundle.digest,
        rollout_hosts=f"{one}:{other}",
    )
    assert not played.code, played.said
    assert [fleet.digest(device) for device in (one, other)] == [bundle.digest] * 2


def test_a_worse_model_stops_at_the_canaries_which_go_back_by_themselves(fleet: Fleet) -> None:
    before = {device: fleet.digest(device) for device in fleet.devices}
    bundle = fleet.worse_bundle()
    played = roll_out(fleet, bundle)
    assert played.code
    (wave,) = verdicts(fleet, bundle)
    assert list(wave["hosts"]) == _CANARIES
    assert not wave["passed"]
    for device in _CANARIES:
        last = fleet.models(device)["past"][-1]
        assert (last["digest"], last["outcome"]) == (bundle.digest, "rolled-back")
        assert last["reason"] in played.said
        print(f"{device}: {last['reason']}")
    for device in _OTHERS:
        assert bundle.digest not in json.dumps(fleet.models(device))
    assert {device: fleet.digest(device) for device in fleet.devices} == before


def test_canaries_that_vanish_stop_it_and_a_second_run_takes_up_where_they_were(
    fleet: Fleet,
) -> None:
    bundle = fleet.bundle(_LONG)
    lost = _CANARIES[:2]
    with ThreadPoolExecutor(len(lost)) as pool:
        cuts = pool.map(lambda device: cut_in_trial(fleet, device), lost)
        played = roll_out(fleet, bundle, rollout_reconnect_s=2, rollout_canary_hosts=_CANARIES)
        assert list(cuts) == [None] * len(lost)
    assert played.code
    (wave,) = verdicts(fleet, bundle)
    assert {d: one["outcome"] for d, one in wave["hosts"].items()} == {
        **dict.fromkeys(lost, "unreachable"),
        _CANARIES[2]: "committed",
    }, played.said
    for device in _OTHERS:
        assert bundle.digest not in json.dumps(fleet.models(device))

    for device in lost:
        fleet.devices[device].up()
        fleet.await_active(device)
    again = roll_out(fleet, bundle)
    assert not again.code, again.said
    assert {fleet.digest(device) for device in fleet.devices} == {bundle.digest}


def cut_in_trial(fleet: Fleet, device: str) -> None:
    """Cut the power of a device as soon as a model is on trial there."""
    fleet.await_trial(device)
    fleet.devices[device].power_cut()
