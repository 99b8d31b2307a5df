"""The role rollout in a play that lists it: the same waves and gates as the playbook model_rollout."""

from pathlib import Path
from typing import Any

import pytest

from support.simulated_fleet import needs_ansible
from support.simulated_rollout import DIGEST, UNTOUCHED, SimulatedRoleRollout

pytestmark = [needs_ansible, pytest.mark.timeout(300)]


@pytest.fixture
def rollout(tmp_path: Path) -> SimulatedRoleRollout:
    return SimulatedRoleRollout(tmp_path)


def test_a_play_that_lists_the_role_runs_all_waves_in_order(rollout: SimulatedRoleRollout) -> None:
    fleet = rollout.fleet
    for _ in range(6):
        fleet.add()
    fleet.add(lost_from=1)
    fleet.add(lost_from=3)
    knobs: dict[str, Any] = {
        "rollout_canary_hosts": ["pi0004"],
        "rollout_canaries": 1,
        "rollout_waves": [2, 5],
    }
    dry = rollout.play("--check", **knobs)
    assert dry.exit_code == 0, dry.output
    assert {verb for host in fleet.hosts for verb in fleet.verbs(host)} == {"status"}
    for host in ("pi0006", "pi0007"):
        fleet.write_connection(host, lost_from=1 if host == "pi0006" else 3)
    played = rollout.play(rollout_min_wave_share=0.5, **knobs)
    assert played.exit_code != 0, "one of them failed"
    waves = [sorted(wave["hosts"]) for wave in rollout.results["wave_results"]]
    assert waves == [["pi0004"], ["pi0000", "pi0001"], ["pi0002", "pi0003", "pi0005", "pi0007"]]
    assert rollout.hosts_with_version() == [f"pi000{n}" for n in range(6)]
    assert rollout.read_host_list("offline") == ["pi0006"]
    assert rollout.read_host_list("unfinished") == ["pi0007"]
    assert "committed: 6 in 3 waves" in played.output
    for host in ("pi0006", "pi0007"):
        fleet.reconnect(host)
    again = rollout.play(**knobs)
    assert again.exit_code == 0, again.output
    assert rollout.hosts_with_version() == fleet.hosts


def test_a_play_that_lists_the_role_stops_at_the_gate(rollout: SimulatedRoleRollout) -> None:
    for task in (2, 3, 99, 99, 99):
        rollout.fleet.add(lost_from=task)
    played = rollout.play()
    assert played.exit_code != 0
    assert "1 of 3 hosts committed" in played.output
    verbs = [rollout.fleet.verbs(host) for host in ("pi0003", "pi0004")]
    assert verbs == [UNTOUCHED, UNTOUCHED]
    (canaries,) = rollout.results["wave_results"]
    assert canaries["failed"] == {
        f"pi000{n}": f"unreachable: pi000{n} does not answer" for n in (0, 1)
    }


def test_a_play_that_lists_the_role_leaves_evidence_of_failures(
    rollout: SimulatedRoleRollout,
) -> None:
    for _ in range(4):
        rollout.fleet.add(outcome="rolled-back", reason="f1 0.2 is below 0.6")
    assert rollout.play(play={"gather_facts": True}).exit_code != 0
    assert rollout.results["wave_results"][0]["failed"]["pi0001"] == (
        "rolled-back: f1 0.2 is below 0.6"
    )
    assert "install" not in rollout.fleet.verbs("pi0003")
    folder = rollout.fleet.folder / "rollouts" / DIGEST[:12]
    assert (folder / "pi0001.model.json").exists()


@pytest.mark.parametrize(
    ("play", "reason"),
    [({"serial": 2}, 'Remove "serial"'), ({"strategy": "free"}, 'strategy "linear"')],
)
def test_a_play_in_which_the_role_cannot_make_waves_fails(
    rollout: SimulatedRoleRollout, play: dict[str, Any], reason: str
) -> None:
    for _ in range(4):
        rollout.fleet.add(trial_s=10)
    played = rollout.play(play=play, rollout_canaries=1, rollout_waves=[1])
    assert played.exit_code != 0
    assert reason in played.output.replace("\\", ""), played.output
    assert len(rollout.hosts_with_version()) <= 1
