"""ONVIF's form: the topics and payloads of its specifications' rules."""

import json
from typing import Any

import pytest

from edged.dialects.onvif import OnvifDialect, OnvifSettings
from edged.dialects.onvif_scene import class_of
from edged.interfaces import ForeignMessage
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import Detection
from support.examples import NOW, detections, event, stamper, state

ENDED = "2026-11-21T09:30:09.000Z"
INSIDE = "porch/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&front/door"
CLASSES = "porch/onvif-ej/RuleEngine/ObjectDetection/Object/&front/objects"
MOTION = "porch/onvif-ej/VideoSource/MotionAlarm/&front"


class OnvifBench:
    """A dialect, and what it has said by topic."""

    def __init__(self, settings: OnvifSettings = OnvifSettings()) -> None:  # noqa: B008 (frozen)
        self._dialect = OnvifDialect(settings, device="porch")
        self._stamper = stamper()

    def say(self, *messages: Header) -> dict[str, ForeignMessage]:
        return {
            one.message.topic: one
            for message in messages
            for one in self._dialect.translate(self._stamper.stamp(message))
        }

    def read(self, *messages: Header) -> dict[str, Any]:
        return {
            topic: json.loads(one.message.payload)["Data"]
            for topic, one in self.say(*messages).items()
        }


def test_an_event_has_a_time_its_source_and_its_values_and_no_operation() -> None:
    said = OnvifBench().say(event())
    assert json.loads(said[INSIDE].message.payload) == {
        "UtcTime": NOW,
        "Source": {"VideoSource": "front", "Rule": "door"},
        "Data": {"IsInside": True, "ObjectId": "17", "ClassTypes": "Human"},
    }


def test_properties_are_retained_and_other_events_are_not() -> None:
    said = OnvifBench().say(state(zones={"door": {}}), event())
    retained = {topic: one.message.retain for topic, one in said.items()}
    assert retained == {MOTION: True, INSIDE: True, CLASSES: False}


def test_objects_enter_a_zone_and_leave_it() -> None:
    bench = OnvifBench()
    nobody = {"IsInside": False, "ObjectId": "", "ClassTypes": ""}
    assert bench.read(state(zones={"door": {}}))[INSIDE] == nobody
    assert bench.read(event(zones=("door",)))[INSIDE]["IsInside"] is True
    both = bench.read(event(id="9f2103be-18", label="dog", zones=("door",)))
    assert both[INSIDE] == {"IsInside": True, "ObjectId": "17 18", "ClassTypes": "Human Animal"}
    assert bench.read(event(type="update", zones=()))[INSIDE]["ObjectId"] == "18"
    assert bench.read(event(id="9f2103be-18", type="end", ended=ENDED))[INSIDE] == nobody


def test_the_classes_in_view_are_reported_when_they_change() -> None:
    bench = OnvifBench()
    assert bench.read(event(zones=()))[CLASSES] == {"ClassTypes": "Human"}
    assert CLASSES not in bench.say(event(id="9f2103be-18", zones=()))
    assert CLASSES not in bench.say(event(type="end", ended=ENDED, zones=()))
    end = event(id="9f2103be-18", type="end", ended=ENDED, zones=())
    assert bench.read(end)[CLASSES] == {"ClassTypes": ""}


def test_motion_is_reported_when_it_changes() -> None:
    bench = OnvifBench()
    assert bench.read(state(motion=True)) == {MOTION: {"State": True}}
    assert bench.say(state(motion=True)) == {}
    assert bench.read(state(motion=False)) == {MOTION: {"State": False}}


def test_a_zone_that_is_removed_is_deleted_by_an_empty_payload() -> None:
    bench = OnvifBench()
    bench.say(state(zones={"door": {}}))
    deleted = bench.say(state(zones={}))[INSIDE].message
    assert (deleted.payload, deleted.retain) == (b"", True)
    assert INSIDE in bench.say(state(zones={"door": {}})), "it may come back"


def test_a_camera_that_is_lost_sees_nobody() -> None:
    bench = OnvifBench()
    bench.say(state(zones={"door": {}}), event())
    assert bench.read(state(zones={"door": {}}, online=False))[INSIDE]["IsInside"] is False


def test_the_metadata_of_a_frame() -> None:
    said = OnvifBench().say(detections())
    (topic,) = said
    assert topic == "porch/onvif-mj/VideoAnalytics/front/edged"
    assert json.loads(said[topic].message.payload) == {
        "Frame": [
            {
                "@UtcTime": "2026-11-21T09:30:04.901Z",
                "@Source": "edged",
                "Object": [
                    {
                        "Appearance": {
                            "Shape": {
                                "BoundingBox": {
                                    "@left": -0.028,
                                    "@top": 0.968,
                                    "@right": 0.412,
                                    "@bottom": -0.698,
                                },
                                "CenterOfGravity": {"@x": 0.192, "@y": 0.135},
                            },
                            "Class": {"Type": [{"@Likelihood": 0.81, "#text": "Human"}]},
                        }
                    }
                ],
            }
        ]
    }


@pytest.mark.parametrize(
    ("box", "edges"),
    [((0.0, 0.0, 1.0, 1.0), (-1, 1, 1, -1)), ((0.5, 0.0, 1.0, 0.5), (0, 1, 1, 0))],
)
def test_the_origin_is_in_the_middle_and_y_points_upwards(
    box: tuple[float, float, float, float], edges: tuple[float, ...]
) -> None:
    frame = detections()
    one = Detection(label="person", score=0.5, box=box, id="9f2103be-3")
    changed = type(frame)(**{**_fields(frame), "detections": (one,)})
    (said,) = OnvifBench().say(changed).values()
    (described,) = json.loads(said.message.payload)["Frame"][0]["Object"]
    rectangle = described["Appearance"]["Shape"]["BoundingBox"]
    assert tuple(rectangle[f"@{edge}"] for edge in ("left", "top", "right", "bottom")) == edges
    assert described["@ObjectId"] == 3


def _fields(message: Header) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


def test_an_empty_frame_has_no_objects() -> None:
    frame = detections()
    changed = type(frame)(**{**_fields(frame), "detections": ()})
    (said,) = OnvifBench().say(changed).values()
    assert "Object" not in json.loads(said.message.payload)["Frame"][0]


def test_the_prefix_and_the_metadata_can_be_set() -> None:
    bench = OnvifBench(OnvifSettings(prefix="site/cameras", metadata=False))
    assert bench.say(detections()) == {}
    assert all(topic.startswith("site/cameras/onvif-ej/") for topic in bench.say(event()))


@pytest.mark.parametrize(
    ("label", "name"),
    [("person", "Human"), ("bus", "Vehicle"), ("cat", "Animal"), ("fire hydrant", "fire_hydrant")],
)
def test_labels_have_onvifs_names(label: str, name: str) -> None:
    assert class_of(label) == name
