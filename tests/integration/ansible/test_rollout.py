"""The playbook model_rollout on simulated fleets: who is touched, when it stops, and that a second run goes on where the first one ended."""

import json
import re
import time
from pathlib import Path

import pytest
from bench.bench_rollout import measure

from support import fake_edged
from support.bundles import SigningKeys, make_bundle
from support.simulated_fleet import needs_ansible
from support.simulated_rollout import DIGEST, UNTOUCHED, SimulatedRollout

pytestmark = [needs_ansible, pytest.mark.timeout(900)]


@pytest.fixture
def rollout(tmp_path: Path) -> SimulatedRollout:
    return SimulatedRollout(tmp_path)


def test_forty_devices_of_all_kinds_get_the_right_outcomes() -> None:
    measured = measure(40)
    assert measured["wrong"] == {}
    assert measured["verdicts"] == {
        "committed": 32,
        "rolled-back": 4,
        "unreachable": 2,
        "offline": 2,
    }


def test_two_of_three_canaries_lost_stop_the_rollout(rollout: SimulatedRollout) -> None:
    for task in (2, 3, 99, 99, 99):
        rollout.fleet.add(lost_from=task)
    played = rollout.play()
    assert played.exit_code != 0
    assert "1 of 3 hosts committed" in played.output
    assert rollout.hosts_with_version() == ["pi0002"]
    assert [rollout.fleet.verbs(host) for host in ("pi0003", "pi0004")] == [UNTOUCHED, UNTOUCHED]
    (canaries,) = rollout.results["wave_results"]
    assert canaries["failed"] == {
        f"pi000{n}": f"unreachable: pi000{n} does not answer" for n in (0, 1)
    }


def test_canaries_that_are_all_lost_stop_the_rollout(rollout: SimulatedRollout) -> None:
    for task in (2, 2, 2, 99):
        rollout.fleet.add(lost_from=task)
    assert rollout.play().exit_code != 0
    assert rollout.fleet.verbs("pi0003") == UNTOUCHED
    assert rollout.results["wave_results"][0]["committed"] == 0


def test_a_bad_bundle_stops_at_the_canaries_with_evidence(rollout: SimulatedRollout) -> None:
    for _ in range(5):
        rollout.fleet.add(outcome="rolled-back", reason="f1 0.2 is below 0.6")
    played = rollout.play()
    assert played.exit_code != 0
    assert rollout.results["canaries"] == ["pi0000", "pi0001", "pi0002"]
    assert (
        rollout.results["wave_results"][0]["failed"]["pi0001"] == "rolled-back: f1 0.2 is below 0.6"
    )
    assert [rollout.fleet.verbs(host) for host in ("pi0003", "pi0004")] == [UNTOUCHED, UNTOUCHED]
    evidence = rollout.fleet.folder / "rollouts" / DIGEST[:12] / "pi0001.model.json"
    assert json.loads(evidence.read_text())["status"]["denied"] == {DIGEST: "f1 0.2 is below 0.6"}
    assert evidence.with_name("pi0001.journal.txt").exists()
    again = rollout.play()
    assert again.exit_code != 0
    assert "0.0 % of the hosts that tried this version keep it" in again.output
    assert "this version failed there before: f1 0.2 is below 0.6" in again.output
    assert "install" not in rollout.fleet.verbs("pi0003")


def test_a_second_run_resumes_and_a_third_does_nothing(rollout: SimulatedRollout) -> None:
    rollout.fleet.add(breaks_off=True, trial_s=600)
    rollout.fleet.add(lost_from=3)
    for _ in range(2):
        rollout.fleet.add()
    rollout.fleet.add(lost_from=1)
    first = rollout.play(rollout_min_canary_share=0.3, rollout_timeout_s=4)
    assert first.exit_code != 0
    assert "not finished within the timeout" in first.output
    assert rollout.hosts_with_version() == ["pi0002", "pi0003"]
    assert rollout.read_host_list("offline") == ["pi0004"]
    assert rollout.read_host_list("unfinished") == ["pi0000", "pi0001"]
    verbs = rollout.fleet.verbs("pi0002")
    rollout.fleet.end_trial("pi0000")
    rollout.fleet.reconnect("pi0001")
    rollout.fleet.reconnect("pi0004")
    second = rollout.play()
    assert second.exit_code == 0, second.output
    assert rollout.hosts_with_version() == rollout.fleet.hosts
    assert rollout.fleet.verbs("pi0000").count("install") == 1
    assert rollout.fleet.verbs("pi0002") == [*verbs, "status"]
    third = rollout.play()
    assert third.exit_code == 0
    assert "up to date before: 5" in third.output
    assert set(third.changed_tasks.values()) == {0}


def test_a_host_that_is_lost_for_a_while_is_waited_for(rollout: SimulatedRollout) -> None:
    rollout.fleet.add(lost_from=3, lost_until=5)
    played = rollout.play(rollout_reconnect_timeout_s=60)
    assert played.exit_code == 0, played.output
    assert rollout.hosts_with_version() == ["pi0000"]


def test_a_host_that_reboots_in_its_trial_is_judged_by_how_that_ends(
    rollout: SimulatedRollout,
) -> None:
    rollout.fleet.add(lost_from=3, lost_until=5, starting=3, trial_s=3)
    played = rollout.play(rollout_reconnect_timeout_s=60)
    assert played.exit_code == 0, played.output
    assert rollout.results["wave_results"][0]["hosts"]["pi0000"]["outcome"] == "committed"


def test_a_wave_is_waited_for_no_longer_than_its_time(rollout: SimulatedRollout) -> None:
    rollout.fleet.add(starting=1000, trial_s=3600)
    began = time.monotonic()
    assert rollout.play(rollout_timeout_s=5).exit_code != 0
    assert time.monotonic() - began < 60
    (hosts,) = (wave["hosts"] for wave in rollout.results["wave_results"])
    assert hosts["pi0000"]["outcome"] == "in-progress"


def test_variables_may_be_given_as_text(rollout: SimulatedRollout) -> None:
    for _ in range(6):
        rollout.fleet.add()
    word = rollout.fleet.folder / "pi0001/sys/devices/platform/soc/soc:firmware/get_throttled"
    word.parent.mkdir(parents=True)
    word.write_text("50005\n")
    output = {
        "waves": "2,100%",
        "canaries": "1",
        "canary_hosts": "pi0003,pi0004",
        "min_canary_share": "0.5",
        "min_wave_share": "0.9",
        "timeout_s": "600",
        "reconnect_timeout_s": "0",
        "force": "true",
        "downgrade": "false",
        "defer_throttled": "false",
        "min_disk_free_mb": "1",
        "min_battery_percent": "10",
        "max_journal_lines": "5",
    }
    played = rollout.play(
        *(word for name in output for word in ("-e", f"rollout_{name}={output[name]}"))
    )
    assert played.exit_code == 0, played.output
    waves = [sorted(wave["hosts"]) for wave in rollout.results["wave_results"]]
    assert waves == [["pi0003"], ["pi0000", "pi0004"], ["pi0001", "pi0002", "pi0005"]]
    assert rollout.results["earlier_success_share"] == 1.0


@pytest.mark.parametrize("waves", ["0", "10,0%", "[10,50]", "10,-1", ","])
def test_sizes_that_are_none_are_refused(rollout: SimulatedRollout, waves: str) -> None:
    for _ in range(2):
        rollout.fleet.add()
    played = rollout.play("-e", f"rollout_waves={waves}")
    assert played.exit_code != 0
    assert "size" in played.output
    assert [rollout.fleet.verbs(host) for host in rollout.fleet.hosts] == [UNTOUCHED] * 2


def test_lists_and_history_hold_over_runs_on_a_part_of_the_fleet(rollout: SimulatedRollout) -> None:
    rollout.fleet.add(lost_from=1)
    rollout.fleet.add()
    rollout.fleet.write_device(
        "pi0001",
        rollout.fleet.read_device("pi0001")
        | {"status": fake_edged.new_device()["status"] | {"daemon": False}},
    )
    rollout.fleet.add(lost_from=3)
    rollout.fleet.add()
    assert rollout.play(rollout_min_canary_share=0.3).exit_code != 0
    lists = {name: rollout.read_host_list(name) for name in ("offline", "deferred", "unfinished")}
    assert lists == {"offline": ["pi0000"], "deferred": ["pi0001"], "unfinished": ["pi0002"]}
    rollout.fleet.reconnect("pi0000")
    folder = rollout.fleet.folder / "rollouts" / DIGEST[:12]
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert rollout.play("--check").exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written
    some = rollout.play("--limit", f"@{folder}/offline.txt")
    assert some.exit_code == 0, some.output
    assert not (folder / "offline.txt").exists()
    assert rollout.read_host_list("deferred") == ["pi0001"]
    assert rollout.read_host_list("unfinished") == ["pi0002"]
    assert [list(wave["hosts"]) for wave in rollout.results["wave_results"]] == [
        ["pi0002", "pi0003"],
        ["pi0000"],
    ]


def test_failed_canaries_count_for_those_who_come_later(rollout: SimulatedRollout) -> None:
    for _ in range(3):
        rollout.fleet.add(outcome="rolled-back", reason="f1 0.2 is below 0.6")
    rollout.fleet.add(lost_from=1)
    assert rollout.play().exit_code != 0
    rollout.fleet.reconnect("pi0003")
    later = rollout.play("--limit", f"@{rollout.fleet.folder}/rollouts/{DIGEST[:12]}/offline.txt")
    assert later.exit_code != 0
    assert "0.0 % of the hosts that tried this version keep it" in later.output
    assert rollout.fleet.verbs("pi0003") == UNTOUCHED
    assert len(rollout.results["wave_results"]) == 1


def test_two_rollouts_in_one_process_know_nothing_of_each_other(rollout: SimulatedRollout) -> None:
    other = "ab" * 32
    rollout.fleet.add(refuses=other)
    rollout.fleet.add()
    rollout.fleet.add()
    playbook = rollout.fleet.folder / "both.yml"
    both = [
        {
            "import_playbook": "edged.fleet.model_rollout",
            "vars": {"rollout_digest": digest, "rollout_hosts": hosts},
        }
        for digest, hosts in ((DIGEST, "pi0000,pi0001"), (other, "pi0000,pi0002"))
    ]
    playbook.write_text(json.dumps(both))
    played = rollout.controller.play(
        playbook, rollout.fleet.write_inventory(), rollout_url="https://m.example/x.edgem"
    )
    assert played.exit_code != 0
    assert rollout.fleet.digest("pi0001") == DIGEST
    (wave,) = rollout.fleet.read_results(other)["wave_results"]
    assert {host: one["outcome"] for host, one in wave["hosts"].items()} == {
        "pi0000": "refused",
        "pi0002": "committed",
    }


def test_nothing_on_the_controller_requires_privileges(rollout: SimulatedRollout) -> None:
    rollout.fleet.add(outcome="rolled-back")
    become = {"become": True, "become_user": "nobody", "become_exe": "/nowhere/sudo"}
    inventory = rollout.fleet.write_inventory(
        all_hosts={f"ansible_{name}": value for name, value in become.items()},
        ansible_become=False,
    )
    variables = {"rollout_url": "https://m.example/x.edgem", "rollout_digest": DIGEST}
    assert rollout.controller.play("model_rollout", inventory, **variables).exit_code != 0
    assert list(rollout.results["wave_results"][0]["hosts"]) == ["pi0000"]
    assert (rollout.fleet.folder / "rollouts" / DIGEST[:12] / "pi0000.model.json").exists()
    report = rollout.controller.play("fleet_report", inventory, report_folder=".")
    assert report.exit_code == 0, report.output


def test_check_mode_touches_nothing(rollout: SimulatedRollout) -> None:
    for _ in range(4):
        rollout.fleet.add()
    played = rollout.play("--check", "--diff")
    assert played.exit_code == 0, played.output
    assert f"+current: https://m.example/x.edgem {DIGEST[:12]}" in played.output
    assert {verb for host in rollout.fleet.hosts for verb in rollout.fleet.verbs(host)} == {
        "status"
    }


def test_a_bundle_that_is_not_there_is_named(rollout: SimulatedRollout) -> None:
    rollout.fleet.add()
    variables = {"rollout_url": "", "rollout_digest": "", "rollout_bundle": "nowhere.edgem"}
    played = rollout.play(**variables)
    assert played.exit_code
    assert re.search(r"/nowhere\.edgem cannot be read: No such file", played.output), played.output


def test_a_bundle_is_copied_and_removed_and_a_limit_holds(
    rollout: SimulatedRollout, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path, SigningKeys())
    for _ in range(3):
        rollout.fleet.add()
    variables = {"rollout_url": "", "rollout_digest": "", "rollout_bundle": bundle.name}
    played = rollout.play("--limit", "pi0000,pi0002", **variables)
    assert played.exit_code == 0, played.output
    digests = [rollout.fleet.digest(host) for host in rollout.fleet.hosts]
    assert digests[0] == digests[2] != ""
    assert rollout.fleet.verbs("pi0001") == []
    assert list(tmp_path.glob("pi*/.rollout-*")) == []


def test_invalid_variables_are_reported(rollout: SimulatedRollout) -> None:
    rollout.fleet.add()
    nothing = rollout.play(rollout_url="")
    assert nothing.exit_code != 0
    assert "Set rollout_bundle to the path of the bundle" in nothing.output
    share = rollout.play(rollout_min_wave_share="most")
    assert share.exit_code != 0
    assert "rollout_min_wave_share" in share.output


def test_a_model_is_taken_back_and_the_report_shows_the_fleet(rollout: SimulatedRollout) -> None:
    for _ in range(2):
        rollout.fleet.add()
    rollout.fleet.add(lost_from=1)
    assert rollout.play().exit_code == 0
    inventory = rollout.fleet.write_inventory()
    report = rollout.controller.play("fleet_report", inventory, report_folder=".")
    assert report.exit_code == 0, report.output
    rows = {
        row["device"]: row for row in json.loads((rollout.fleet.folder / "fleet.json").read_text())
    }
    assert (rows["pi0000"]["digest"], rows["pi0000"]["version"]) == (DIGEST, "9.9")
    assert rows["pi0002"]["state"] == "offline"
    assert "<svg" in (rollout.fleet.folder / "fleet.html").read_text()
    back = rollout.controller.play("model_rollback", inventory, rollback_digest=DIGEST)
    assert back.exit_code != 0
    assert "pi0002 does not answer" in back.output
    assert rollout.hosts_with_version() == []
    rollout.fleet.reconnect("pi0002")
    again = rollout.controller.play("model_rollback", inventory, rollback_digest=DIGEST)
    assert again.exit_code == 0, again.output
    assert set(again.changed_tasks.values()) == {0}
