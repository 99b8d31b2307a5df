"""Frigate's form: its events as automations use them, and its counts."""

import json
from itertools import pairwise
from typing import Any

import pytest
from jinja2 import Environment

from edged.dialects.frigate import FrigateDialect, FrigateSettings
from edged.messaging.contract.header import Header
from support.examples import detections, event, stamper, state

ENDED = "2026-11-21T09:30:09.000Z"
START_S = 1795253404.901


class FrigateBench:
    """A dialect, and what it has said."""

    def __init__(self, prefix: str = "frigate") -> None:
        self.dialect = FrigateDialect(FrigateSettings(prefix=prefix), device="porch")
        self._stamper = stamper()

    def say(self, message: Header) -> list[tuple[str, Any]]:
        said = self.dialect.translate(self._stamper.stamp(message))
        return [(one.message.topic, json.loads(one.message.payload)) for one in said]

    def event(self, **changes: object) -> dict[str, Any]:
        ((topic, payload),) = self.say(event(**changes))
        assert topic == "frigate/events"
        return dict(payload)

    def counts(self, **changes: object) -> dict[str, str]:
        said = self.dialect.translate(self._stamper.stamp(state(**changes)))
        return {
            one.message.topic.removeprefix("frigate/"): one.message.payload.decode() for one in said
        }


def test_an_object_in_frigates_fields() -> None:
    payload = FrigateBench().event(stationary=True)
    assert payload["type"] == "new"
    assert payload["after"] == {
        "id": "9f2103be-17",
        "camera": "front",
        "frame_time": 1795253405.401,
        "snapshot": {
            "frame_time": 1795253405.401,
            "box": [373, 7, 542, 367],
            "area": 169 * 360,
            "ratio": 0.469,
            "region": [0, 0, 768, 432],
            "score": 0.81,
            "attributes": [],
        },
        "label": "person",
        "sub_label": None,
        "top_score": 0.79,
        "false_positive": False,
        "start_time": START_S,
        "end_time": None,
        "score": 0.81,
        "box": [373, 7, 542, 367],
        "area": 169 * 360,
        "ratio": 0.469,
        "region": [0, 0, 768, 432],
        "active": False,
        "stationary": True,
        "motionless_count": 1,
        "position_changes": 1,
        "current_zones": ["door"],
        "entered_zones": ["door"],
        "has_clip": False,
        "has_snapshot": False,
        "attributes": {},
        "current_attributes": [],
        "pending_loitering": False,
    }


def test_new_then_update_then_end_and_before_is_the_last_after() -> None:
    bench = FrigateBench()
    payloads = [
        bench.event(),
        bench.event(type="update", score=0.5, zones=()),
        bench.event(type="end", ended=ENDED, zones=()),
    ]
    assert [payload["type"] for payload in payloads] == ["new", "update", "end"]
    for earlier, later in pairwise(payloads):
        assert later["before"] == earlier["after"]
    assert payloads[0]["before"]["false_positive"] is True
    assert payloads[0]["before"]["current_zones"] == []
    assert payloads[-1]["after"]["end_time"] == 1795253409.0
    assert payloads[-1]["after"]["snapshot"]["score"] == 0.81, "the best one, not the newest"


def test_the_start_time_stays_when_the_clock_is_set() -> None:
    bench = FrigateBench()
    bench.event()
    moved = bench.event(type="update", started="2026-11-21T10:30:04.901Z")
    assert moved["after"]["start_time"] == START_S


def test_a_zone_stands_once_and_in_the_order_of_entry() -> None:
    bench = FrigateBench()
    bench.event(zones=("yard",), entered_zones=("yard",))
    bench.event(type="update", zones=("door",), entered_zones=("door", "yard"))
    payload = bench.event(type="update", zones=("yard",), entered_zones=("door", "yard"))
    assert payload["after"]["entered_zones"] == ["yard", "door"]
    assert payload["after"]["current_zones"] == ["yard"]


def test_an_object_that_has_been_still_counts_frames_and_changes_of_place() -> None:
    bench = FrigateBench()
    bench.event(path=((0.5, 0.5),), frame=10)
    still = bench.event(type="update", path=((0.5, 0.5),), stationary=True, frame=100)
    later = bench.event(type="update", path=((0.5, 0.5),), stationary=True, frame=160)
    moved = bench.event(type="update", path=((0.5, 0.5), (0.7, 0.5)), frame=170)
    shown = [
        (one["after"]["motionless_count"], one["after"]["position_changes"])
        for one in (still, later, moved)
    ]
    assert shown == [(1, 0), (61, 0), (0, 1)]


def test_a_picture_is_announced() -> None:
    assert FrigateBench().event(snapshot="edged/v1/x/up/camera/front/snapshot")["after"][
        "has_snapshot"
    ]


def test_counts_by_camera_zone_and_label() -> None:
    bench = FrigateBench()
    assert bench.counts(
        counts={"person": 2, "car": 1},
        active={"person": 1},
        zones={"door": {"person": 1}},
        zones_active={"door": {"person": 1}},
        motion=True,
    ) == {
        "front/motion": "ON",
        "front/person": "2",
        "front/person/active": "1",
        "front/car": "1",
        "front/car/active": "0",
        "front/all": "3",
        "front/all/active": "1",
        "door/person": "1",
        "door/person/active": "1",
        "door/all": "1",
        "door/all/active": "1",
    }


def test_only_counts_that_changed_are_published_and_a_label_that_left_is_zero() -> None:
    bench = FrigateBench()
    bench.counts(counts={"person": 1, "car": 1})
    changed = bench.counts(counts={"car": 1})
    assert changed == {"front/motion": "OFF", "front/person": "0", "front/all": "1"}


def test_a_zone_of_two_cameras_counts_their_objects_together() -> None:
    bench = FrigateBench()
    bench.counts(camera="front", zones={"yard": {"person": 1}})
    assert bench.counts(camera="back", zones={"yard": {"person": 2}})["yard/person"] == "3"


def test_availability_is_retained() -> None:
    dialect = FrigateBench("house/frigate").dialect
    (up,), (down,) = dialect.begin(), dialect.end()
    assert (up.message.topic, up.message.payload) == ("house/frigate/available", b"online")
    assert (down.message.topic, down.message.payload) == ("house/frigate/available", b"offline")
    assert up.message.retain
    assert down.message.retain


def test_frames_are_not_repeated() -> None:
    assert FrigateBench().say(detections()) == []


ENTERS = (
    "{{ trigger.payload_json['after']['label'] == 'person' }}",
    "{{ 'yard' in trigger.payload_json['after']['entered_zones'] }}",
    "{{ 'yard' not in trigger.payload_json['before']['entered_zones'] }}",
)
LEAVES = (
    "{{ trigger.payload_json.after.label in ['person', 'dog'] }}",
    "{{ 'yard' in trigger.payload_json.before.current_zones }}",
    "{{ not 'yard' in trigger.payload_json.after.current_zones }}",
)
NOTIFIES = (
    "{{ trigger.payload_json.type != 'end' }}",
    "{{ not trigger.payload_json.after.false_positive }}",
    "{{ trigger.payload_json.after.top_score | float(0) > 0.7 }}",
    "{{ trigger.payload_json.before.stationary or not trigger.payload_json.after.stationary }}",
    "{{ ['yard', 'street'] | select('in', trigger.payload_json.after.entered_zones) | list | length > 0 }}",
)
ENDS = (
    "{{ trigger.payload_json.type == 'end' }}",
    "{{ (trigger.payload_json.after.end_time - trigger.payload_json.after.start_time) | int >= 4 }}",
)
MESSAGE = (
    "{{ trigger.payload_json.after.label | title }} at {{ trigger.payload_json.after.camera | replace('_', ' ') | title }}"
    "{% if trigger.payload_json.after.sub_label %}: {{ trigger.payload_json.after.sub_label }}{% endif %}"
)


def hold(templates: tuple[str, ...], payload: dict[str, Any]) -> bool:
    """Whether all conditions of an automation are true, as Home Assistant renders them."""
    environment = Environment(autoescape=False)  # noqa: S701 (no HTML)
    trigger = {"payload_json": payload, "topic": "frigate/events"}
    return all(environment.from_string(one).render(trigger=trigger) == "True" for one in templates)


@pytest.mark.parametrize(
    ("templates", "true_for"),
    [(ENTERS, [1]), (LEAVES, [2]), (NOTIFIES, [1, 2]), (ENDS, [3])],
    ids=["enters", "leaves", "notifies", "ends"],
)
def test_automations_written_for_frigate_react(
    templates: tuple[str, ...], true_for: list[int]
) -> None:
    """The conditions that people write on ``before`` and ``after``: entering and leaving a zone, notifying, and the end."""
    bench = FrigateBench()
    payloads = [
        bench.event(zones=(), entered_zones=(), camera="side_door"),
        bench.event(type="update", zones=("yard",), entered_zones=("yard",), camera="side_door"),
        bench.event(type="update", zones=(), entered_zones=("yard",), camera="side_door"),
        bench.event(type="end", ended=ENDED, zones=(), entered_zones=("yard",), camera="side_door"),
    ]
    assert [n for n, payload in enumerate(payloads) if hold(templates, payload)] == true_for
    text = Environment(autoescape=False).from_string(MESSAGE)  # noqa: S701 (no HTML)
    assert text.render(trigger={"payload_json": payloads[0]}) == "Person at Side Door"
