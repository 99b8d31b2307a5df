"""Who takes part in a rollout, in which waves, and when it stops."""

from typing import Any

import pytest

from support.simulated_fleet import import_plugin

rollout_plan = import_plugin("plugin_utils.rollout_plan")
rollout_wave = import_plugin("plugin_utils.rollout_wave")

DIGEST = "d" * 64
LIMITS = {
    "min_disk_free_mb": 256,
    "min_battery_percent": 30,
    "defer_throttled": True,
    "force": False,
}


def info(**changes: Any) -> dict[str, Any]:
    status = {"daemon": True, "pinned": "", "deployment": None, "denied": {}}
    board = {"throttling": [], "disk_free_mb": 1000, "battery_percent": None, "temperature_c": 50.0}
    host_info: dict[str, Any] = {"digest": "", "status": status, "board": board}
    for key, value in changes.items():
        place = status if key in status else board if key in board else host_info
        place[key] = value
    return host_info


def deployment(digest: str = "", expected: str = "") -> dict[str, Any]:
    request = {"source": "/x.edgem", "expected": expected}
    return {"digest": digest, "title": "", "state": "fetching", "request": request}


def plan(infos: dict[str, Any], **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"canaries": 3, "wave_sizes": [10, 50], "limits": LIMITS} | changes
    sorted_: dict[str, Any] = rollout_plan.plan_rollout(infos, digest=DIGEST, **arguments)
    return sorted_


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"daemon": False}, "the daemon does not run, so no trial would run"),
        ({"pinned": "/m.tflite"}, "model.path is set to /m.tflite: the device accepts no updates"),
        (
            {"deployment": deployment("e" * 64)},
            "another deployment is in progress: /x.edgem (fetching)",
        ),
        ({"denied": {DIGEST: "too slow"}}, "this version failed there before: too slow"),
        ({"throttling": ["under-voltage"]}, "the board is throttled: under-voltage"),
        ({"disk_free_mb": 255}, "255 MB of disk space are free, 256 MB are required"),
        ({"battery_percent": 29}, "the battery has 29 %, 30 % are required"),
    ],
)
def test_a_host_is_deferred_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    sorted_ = plan({"a": info(**changes), "b": info()})
    assert sorted_["deferred"] == {"a": [reason]}
    assert sorted_["ready"] == ["b"]


def test_all_reasons_are_reported() -> None:
    sorted_ = plan({"a": info(throttling=["throttled"], disk_free_mb=1)})
    assert len(sorted_["deferred"]["a"]) == 2


def test_a_host_without_edged_is_deferred() -> None:
    sorted_ = plan({"a": {"msg": "no such file: /usr/bin/edged\nmore"}, "b": {}})
    assert sorted_["deferred"] == {
        "a": ["no such file: /usr/bin/edged"],
        "b": ["edged does not respond"],
    }


def test_who_does_not_answer_is_offline() -> None:
    sorted_ = plan({"a": {"unreachable": True, "msg": "Task failed: no route"}})
    assert sorted_["offline"] == {"a": "no route"}
    assert sorted_["canaries"] == []


def test_who_has_it_is_done_and_who_is_at_it_goes_on() -> None:
    there = info(digest=DIGEST)
    fetching, trying = (
        info(deployment=one) for one in (deployment("", DIGEST), deployment(DIGEST))
    )
    sorted_ = plan({"a": there, "b": fetching, "c": trying})
    assert sorted_["up_to_date"] == ["a"]
    assert sorted_["ready"] == ["b", "c"]


def test_force_tries_again_what_failed() -> None:
    denied = {"a": info(denied={DIGEST: "too slow"})}
    assert plan(denied, limits=LIMITS | {"force": True})["ready"] == ["a"]


def test_what_is_known_from_before_counts() -> None:
    failed, there = info(denied={DIGEST: "too slow"}), info(digest=DIGEST)
    assert plan({"a": info(), "b": {"unreachable": True}})["earlier_success_share"] == 1.0
    assert (
        plan({"a": failed, "b": there, "c": there, "d": info()})["earlier_success_share"] == 0.6667
    )
    assert plan({"a": failed, "b": info()})["earlier_success_share"] == 0.0


def test_recorded_outcomes_count_for_hosts_that_do_not_answer() -> None:
    remembered = {"a": False, "b": False, "c": True, "gone": False}
    infos = {"a": info(digest=DIGEST), "b": {"unreachable": True}, "d": info()}
    assert plan(infos, earlier_outcomes=remembered)["earlier_success_share"] == 0.5
    assert plan({"d": info()}, earlier_outcomes={"a": False})["earlier_success_share"] == 0.0


@pytest.mark.parametrize("sizes", [[3, "25%"], "3,25%", " 3 , 25% ", ["3", "25%"]])
def test_sizes_of_waves_may_be_text(sizes: Any) -> None:
    assert plan({"a": info()}, wave_sizes=sizes)["wave_sizes"] == [1, 3, "25%"]
    assert plan({"a": info()}, wave_sizes=5)["wave_sizes"] == [1, 5]


@pytest.mark.parametrize("sizes", ["0", "0%", [10, 0], "-1", "[10", "", [], "1.5", 0, "%"])
def test_no_size_is_below_one(sizes: Any) -> None:
    with pytest.raises(ValueError, match="size"):
        plan({"a": info()}, wave_sizes=sizes)


def test_preferred_hosts_may_be_text() -> None:
    infos = {host: info() for host in ("a", "aa", "b")}
    assert plan(infos, canary_hosts="aa, b", canaries=2)["canaries"] == ["aa", "b"]


def test_canaries_are_chosen_among_those_that_answer() -> None:
    infos = {"a": {"unreachable": True}, "b": info(daemon=False)} | {h: info() for h in "cdefg"}
    sorted_ = plan(infos, canary_hosts=["f", "a"])
    assert sorted_["canaries"] == ["f", "c", "d"]
    assert sorted_["ready"] == ["f", "c", "d", "e", "g"]
    assert sorted_["wave_sizes"] == [3, 10, 50]


def test_a_small_fleet_is_all_canaries() -> None:
    assert plan({"a": info(), "b": info()})["wave_sizes"] == [2, 10, 50]


@pytest.mark.parametrize(
    ("sizes", "waves"),
    [
        ([3, 2], [3, 2, 2, 2, 1]),
        ([1, "50%"], [1, 5, 4]),
        ([4, "1%", 100], [4, 1, 5]),
        ([100], [10]),
    ],
)
def test_batches_are_those_of_serial(sizes: list[int | str], waves: list[int]) -> None:
    hosts = [str(number) for number in range(10)]
    batches = rollout_plan.split_into_waves(hosts, sizes)
    assert [len(batch) for batch in batches] == waves
    assert [host for batch in batches for host in batch] == hosts


SKIPPED = {"skipped": True, "changed": False}
LOST = {"unreachable": True, "msg": "no route", "changed": False}
UNDER_WAY = {"outcome": "in-progress", "reason": "", "flagged": False}
COMMITTED = {"outcome": "committed", "reason": "few boxes", "flagged": True}


@pytest.mark.parametrize(
    ("copied", "begun", "waited", "again", "expected"),
    [
        (SKIPPED, UNDER_WAY, COMMITTED, SKIPPED, ("committed", "few boxes", True)),
        (SKIPPED, COMMITTED, SKIPPED, SKIPPED, ("committed", "few boxes", True)),
        (LOST, SKIPPED, SKIPPED, SKIPPED, ("unreachable", "no route", False)),
        (SKIPPED, UNDER_WAY, LOST, SKIPPED, ("unreachable", "no route", False)),
        (SKIPPED, UNDER_WAY, LOST, COMMITTED, ("committed", "few boxes", True)),
        (SKIPPED, {"failed": True, "msg": "no edged"}, None, None, ("failed", "no edged", False)),
        ({"changed": True}, None, None, None, ("not-started", "", False)),
        (None, None, None, None, ("not-started", "", False)),
    ],
)
def test_an_outcome_is_taken_from_the_last_step(
    copied: Any, begun: Any, waited: Any, again: Any, expected: tuple[str, str, bool]
) -> None:
    steps = zip(rollout_wave.STEPS, (copied, begun, waited, again), strict=True)
    outcome = rollout_wave.host_outcome({step: result for step, result in steps if result})
    assert (outcome["outcome"], outcome["reason"], outcome["flagged"]) == expected


def make_outcomes(committed: int, *others: str) -> dict[str, dict[str, Any]]:
    kept = {
        f"c{n}": {"outcome": "committed", "reason": "", "flagged": n == 0} for n in range(committed)
    }
    return kept | {
        f"o{n}": {"outcome": one, "reason": "why", "flagged": False} for n, one in enumerate(others)
    }


def test_an_unreachable_host_counts_against_the_wave() -> None:
    judged = rollout_wave.evaluate_wave(
        make_outcomes(1, "unreachable", "unreachable"), min_share=1.0
    )
    assert not judged["passed"]
    assert judged["share"] == 0.3333
    assert judged["failed"] == {"o0": "unreachable: why", "o1": "unreachable: why"}
    assert judged["flagged"] == ["c0"]


def test_the_share_is_enough_or_it_is_not() -> None:
    assert rollout_wave.evaluate_wave(make_outcomes(9, "rolled-back"), min_share=0.9)["passed"]
    assert not rollout_wave.evaluate_wave(
        make_outcomes(8, "rolled-back", "in-progress"), min_share=0.9
    )["passed"]
    assert not rollout_wave.evaluate_wave({}, min_share=0.0)["passed"]


def test_the_summary_forgets_nobody() -> None:
    sorted_ = plan(
        {"a": info(), "b": {"unreachable": True, "msg": "away"}, "c": info(daemon=False)}
    )
    version = {"title": "marks@2", "digest": DIGEST}
    judged = [
        rollout_wave.evaluate_wave(
            {"a": {"outcome": "rejected", "reason": "", "flagged": False}}, min_share=1.0
        )
    ]
    lines = "\n".join(rollout_wave.summary_lines(sorted_, version, judged))
    assert "failed: a: rejected" in lines
    assert "offline: b: away" in lines
    assert "deferred: c: the daemon" in lines


def test_who_did_not_go_back_is_named() -> None:
    results: dict[str, Any] = {
        "a": {"outcome": "rolled-back"},
        "b": {"failed": True, "msg": "no previous"},
    }
    results |= {"c": {"unreachable": True, "msg": "away"}, "d": {"skipped": True}}
    assert rollout_wave.rollback_failures(results) == {
        "b": "no previous",
        "c": "away",
        "d": "no request was sent",
    }
