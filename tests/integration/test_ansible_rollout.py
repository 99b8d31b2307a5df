"""The playbook model_rollout on simulated fleets: who is touched, when it stops, and that a second run goes on where the first one ended."""

import json
from pathlib import Path
from typing import Any

import pytest
from bench.bench_rollout import measure

from support.bundles import Signing, make_bundle
from support.fleet import Controller, Fleet, Played, needs_ansible

pytestmark = [needs_ansible, pytest.mark.timeout(900)]

DIGEST = "5e" * 32
UNTOUCHED = ["status"]


class Rollout:
    """A fleet, its controller, and a version."""

    def __init__(self, folder: Path) -> None:
        self.fleet, self.controller = Fleet(folder), Controller(folder)

    def play(self, *options: str, **variables: Any) -> Played:
        told: dict[str, Any] = {
            "rollout_waves": [2, 100],
            "rollout_url": "https://m.example/x.edgem",
        }
        told |= {"rollout_digest": DIGEST} | variables
        return self.controller.play("model_rollout", self.fleet.inventory(), *options, **told)

    @property
    def results(self) -> dict[str, Any]:
        return self.fleet.results(DIGEST)

    def have_it(self) -> list[str]:
        return [host for host in self.fleet.hosts if self.fleet.digest(host) == DIGEST]

    def list_of(self, name: str) -> list[str]:
        return (self.fleet.folder / "rollouts" / DIGEST[:12] / f"{name}.txt").read_text().split()


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    return Rollout(tmp_path)


def test_forty_devices_of_all_kinds_get_the_right_verdicts() -> None:
    measured = measure(40)
    assert measured["wrong"] == {}
    assert measured["verdicts"] == {
        "committed": 32,
        "rolled-back": 4,
        "unreachable": 2,
        "offline": 2,
    }


def test_two_of_three_canaries_lost_stop_the_rollout(rollout: Rollout) -> None:
    for task in (2, 3, 99, 99, 99):
        rollout.fleet.add(lost_from=task)
    played = rollout.play()
    assert played.code != 0
    assert "1 of 3 keep it" in played.said
    assert rollout.have_it() == ["pi0002"]
    assert [rollout.fleet.asked(host) for host in ("pi0003", "pi0004")] == [UNTOUCHED, UNTOUCHED]
    (canaries,) = rollout.results["judged"]
    assert canaries["failed"] == {
        f"pi000{n}": f"unreachable: pi000{n} does not answer" for n in (0, 1)
    }


def test_canaries_that_are_all_lost_stop_the_rollout(rollout: Rollout) -> None:
    for task in (2, 2, 2, 99):
        rollout.fleet.add(lost_from=task)
    assert rollout.play().code != 0
    assert rollout.fleet.asked("pi0003") == UNTOUCHED
    assert rollout.results["judged"][0]["committed"] == 0


def test_a_bad_bundle_stops_at_the_canaries_with_evidence(rollout: Rollout) -> None:
    for _ in range(5):
        rollout.fleet.add(outcome="rolled-back", reason="f1 0.2 is below 0.6")
    played = rollout.play()
    assert played.code != 0
    assert rollout.results["canaries"] == ["pi0000", "pi0001", "pi0002"]
    assert rollout.results["judged"][0]["failed"]["pi0001"] == "rolled-back: f1 0.2 is below 0.6"
    assert [rollout.fleet.asked(host) for host in ("pi0003", "pi0004")] == [UNTOUCHED, UNTOUCHED]
    evidence = rollout.fleet.folder / "rollouts" / DIGEST[:12] / "pi0001.model.json"
    assert json.loads(evidence.read_text())["status"]["denied"] == {DIGEST: "f1 0.2 is below 0.6"}
    assert evidence.with_name("pi0001.journal.txt").exists()
    again = rollout.play()
    assert again.code != 0
    assert "0.0 % of the hosts that tried this version keep it" in again.said
    assert "it failed there before: f1 0.2 is below 0.6" in again.said
    assert "install" not in rollout.fleet.asked("pi0003")


def test_a_second_run_resumes_and_a_third_does_nothing(rollout: Rollout) -> None:
    rollout.fleet.add(dies=True, trial_s=600)
    rollout.fleet.add(lost_from=3)
    for _ in range(2):
        rollout.fleet.add()
    rollout.fleet.add(lost_from=1)
    first = rollout.play(rollout_canary_share=0.3)
    assert first.code != 0
    assert "the daemon does not answer any more" in first.said
    assert rollout.have_it() == ["pi0002", "pi0003"]
    assert rollout.list_of("offline") == ["pi0004"]
    asked = rollout.fleet.asked("pi0002")
    rollout.fleet.end_trial("pi0000")
    rollout.fleet.back("pi0001")
    rollout.fleet.back("pi0004")
    second = rollout.play()
    assert second.code == 0, second.said
    assert rollout.have_it() == rollout.fleet.hosts
    assert rollout.fleet.asked("pi0000").count("install") == 1
    assert rollout.fleet.asked("pi0002") == [*asked, "status"]
    third = rollout.play()
    assert third.code == 0
    assert "had it before: 5" in third.said
    assert "changed=1" not in third.said


def test_a_host_that_is_lost_for_a_while_is_waited_for(rollout: Rollout) -> None:
    rollout.fleet.add(lost_from=3, lost_until=5)
    played = rollout.play(rollout_reconnect_s=60)
    assert played.code == 0, played.said
    assert rollout.have_it() == ["pi0000"]


def test_check_mode_touches_nothing(rollout: Rollout) -> None:
    for _ in range(4):
        rollout.fleet.add()
    played = rollout.play("--check", "--diff")
    assert played.code == 0, played.said
    assert f"+current: https://m.example/x.edgem {DIGEST[:12]}" in played.said
    assert {verb for host in rollout.fleet.hosts for verb in rollout.fleet.asked(host)} == {
        "status"
    }


def test_a_bundle_is_copied_and_removed_and_a_limit_holds(rollout: Rollout, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, Signing())
    for _ in range(3):
        rollout.fleet.add()
    told = {"rollout_url": "", "rollout_digest": "", "rollout_bundle": bundle.name}
    played = rollout.play("--limit", "pi0000,pi0002", **told)
    assert played.code == 0, played.said
    digests = [rollout.fleet.digest(host) for host in rollout.fleet.hosts]
    assert digests[0] == digests[2] != ""
    assert rollout.fleet.asked("pi0001") == []
    assert list(tmp_path.glob("pi*/.rollout-*")) == []


def test_what_is_wrong_with_the_variables_is_said(rollout: Rollout) -> None:
    rollout.fleet.add()
    nothing = rollout.play(rollout_url="")
    assert nothing.code != 0
    assert "rollout_bundle names the bundle" in nothing.said
    share = rollout.play(rollout_wave_share="most")
    assert share.code != 0
    assert "rollout_wave_share" in share.said


def test_a_model_is_taken_back_and_the_report_shows_the_fleet(rollout: Rollout) -> None:
    for _ in range(2):
        rollout.fleet.add()
    rollout.fleet.add(lost_from=1)
    assert rollout.play().code == 0
    inventory = rollout.fleet.inventory()
    report = rollout.controller.play("fleet_report", inventory, report_folder=".")
    assert report.code == 0, report.said
    rows = {
        row["device"]: row for row in json.loads((rollout.fleet.folder / "fleet.json").read_text())
    }
    assert (rows["pi0000"]["digest"], rows["pi0000"]["version"]) == (DIGEST, "9.9")
    assert rows["pi0002"]["state"] == "offline"
    assert "<svg" in (rollout.fleet.folder / "fleet.html").read_text()
    back = rollout.controller.play("model_rollback", inventory, rollback_digest=DIGEST)
    assert back.code != 0
    assert "pi0002 does not answer" in back.said
    assert rollout.have_it() == []
    rollout.fleet.back("pi0002")
    again = rollout.controller.play("model_rollback", inventory, rollback_digest=DIGEST)
    assert again.code == 0, again.said
    assert "changed=1" not in again.said
