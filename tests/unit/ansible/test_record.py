"""What a rollout writes down: nobody who is still to come is forgotten, and nothing that was found out."""

from typing import Any

from support.simulated_fleet import import_plugin

record = import_plugin("plugin_utils.rollout_record")

VERSION = {"digest": "d" * 64, "title": "marks@2"}


def plan(**changes: Any) -> dict[str, Any]:
    return {"ready": [], "up_to_date": [], "deferred": {}, "offline": {}, **changes}


def wave(**outcomes: str) -> dict[str, Any]:
    hosts = {host: {"outcome": one, "reason": "why"} for host, one in outcomes.items()}
    return {"hosts": hosts, "passed": False}


def test_a_host_without_a_final_outcome_is_unfinished() -> None:
    wave_results = [
        wave(a="committed", b="unreachable", c="rolled-back", d="in-progress", e="rejected")
    ]
    merged = record.merge_record(plan(ready=list("abcde")), VERSION, wave_results, {})
    assert merged["unfinished"] == {"b": "unreachable: why", "d": "in-progress: why"}
    assert (merged["wave_results"], merged["version"]) == (wave_results, VERSION)


def test_a_run_on_a_part_of_the_fleet_leaves_the_others_where_they_were() -> None:
    before = plan(
        up_to_date=["x", "y"], deferred={"a": ["hot"], "b": ["hot"]}, offline={"c": "away"}
    )
    before |= {
        "unfinished": {"d": "unreachable", "e": "unreachable"},
        "wave_results": [wave(d="unreachable")],
    }
    now = plan(ready=["c", "d"], up_to_date=["y", "e"], deferred={"b": ["full"]})
    planned = record.merge_record(now, VERSION, [], before)
    assert planned["offline"] == {"c": "away"}, "nobody has come to it yet"
    assert planned["unfinished"] == {"d": "unreachable"}
    assert planned["deferred"] == {"a": ["hot"], "b": ["full"]}
    assert planned["up_to_date"] == ["x", "y", "e"]
    assert planned["wave_results"] == before["wave_results"]
    ended = record.merge_record(now, VERSION, [wave(c="committed", d="committed")], before)
    assert (ended["offline"], ended["unfinished"]) == ({}, {})
    assert len(ended["wave_results"]) == 2


def test_the_latest_outcome_is_remembered_where_there_is_one() -> None:
    before = {
        "up_to_date": ["x"],
        "wave_results": [
            wave(a="committed", b="rolled-back", c="unreachable"),
            wave(b="committed"),
        ],
    }
    assert record.earlier_outcomes(before) == {"x": True, "a": True, "b": True}
    assert record.earlier_outcomes({"wave_results": [wave(a="rejected")]}) == {"a": False}
    assert record.earlier_outcomes({}) == {}
