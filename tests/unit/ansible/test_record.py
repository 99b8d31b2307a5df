"""What a rollout writes down: nobody who is still to come is forgotten, and nothing that was found out."""

from typing import Any

from support.simulated_fleet import import_plugin

record = import_plugin("plugin_utils.rollout_record")

VERSION = {"digest": "d" * 64, "title": "marks@2"}


def plan(**changes: Any) -> dict[str, Any]:
    return {"ready": [], "done": [], "deferred": {}, "offline": {}, **changes}


def wave(**outcomes: str) -> dict[str, Any]:
    hosts = {host: {"outcome": one, "reason": "why"} for host, one in outcomes.items()}
    return {"hosts": hosts, "passed": False}


def test_who_came_to_no_end_is_lost() -> None:
    judged = [wave(a="committed", b="unreachable", c="rolled-back", d="under-way", e="rejected")]
    told = record.record(plan(ready=list("abcde")), VERSION, judged, {})
    assert told["lost"] == {"b": "unreachable: why", "d": "under-way: why"}
    assert (told["judged"], told["version"]) == (judged, VERSION)


def test_a_run_on_a_part_of_the_fleet_leaves_the_others_where_they_were() -> None:
    before = plan(done=["x", "y"], deferred={"a": ["hot"], "b": ["hot"]}, offline={"c": "away"})
    before |= {"lost": {"d": "unreachable", "e": "unreachable"}, "judged": [wave(d="unreachable")]}
    now = plan(ready=["c", "d"], done=["y", "e"], deferred={"b": ["full"]})
    planned = record.record(now, VERSION, [], before)
    assert planned["offline"] == {"c": "away"}, "nobody has come to it yet"
    assert planned["lost"] == {"d": "unreachable"}
    assert planned["deferred"] == {"a": ["hot"], "b": ["full"]}
    assert planned["done"] == ["x", "y", "e"]
    assert planned["judged"] == before["judged"]
    ended = record.record(now, VERSION, [wave(c="committed", d="committed")], before)
    assert (ended["offline"], ended["lost"]) == ({}, {})
    assert len(ended["judged"]) == 2


def test_the_latest_outcome_is_remembered_where_there_is_one() -> None:
    before = {
        "done": ["x"],
        "judged": [wave(a="committed", b="rolled-back", c="unreachable"), wave(b="committed")],
    }
    assert record.remembered(before) == {"x": True, "a": True, "b": True}
    assert record.remembered({"judged": [wave(a="rejected")]}) == {"a": False}
    assert record.remembered({}) == {}
