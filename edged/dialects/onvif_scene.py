"""The scene of a camera in ONVIF's terms: classes, objects in zones, and the metadata of a frame."""

from collections.abc import Iterable
from typing import Any

from edged.messaging.contract.messages import Box, Event, FrameDetections

_CLASSES = {
    "person": "Human",
    "face": "HumanFace",
    "bicycle": "Bicycle",
    "license_plate": "LicensePlate",
    **dict.fromkeys(
        ("car", "motorcycle", "bus", "truck", "train", "boat", "van", "vehicle"), "Vehicle"
    ),
    **dict.fromkeys(("animal", "bear", "bird", "cat", "cow", "dog", "elephant"), "Animal"),
    **dict.fromkeys(("giraffe", "horse", "sheep", "zebra"), "Animal"),
    **dict.fromkeys(("qr_code", "barcode"), "Barcode"),
}
"""ONVIF's name of a label's class, from its ObjectType."""


def class_of(label: str) -> str:
    """Return ONVIF's name of a label's class; the label itself, without spaces, if ONVIF has none."""
    return _CLASSES.get(label) or "_".join(label.split())


class CameraObjects:
    """The objects that one camera has in view, from its events."""

    def __init__(self) -> None:
        self._objects: dict[str, Event] = {}
        self._zones: frozenset[str] = frozenset()

    def take(self, event: Event) -> frozenset[str]:
        """Take in an event; return the zones that it may concern."""
        before = self._objects.pop(event.id, None)
        if event.type != "end":
            self._objects[event.id] = event
        return frozenset(event.zones) | frozenset(before.zones if before else ())

    def set_zones(self, zones: Iterable[str]) -> frozenset[str]:
        """Take note of the camera's zones; return those that it does not have any more."""
        before, self._zones = self._zones, frozenset(zones)
        return before - self._zones

    def clear(self) -> None:
        """Forget all objects: the camera delivers no frames."""
        self._objects.clear()

    def describe_zone(self, zone: str) -> dict[str, Any]:
        """Return the values of ``FieldDetector/ObjectsInside``."""
        inside = [event for event in self._objects.values() if zone in event.zones]
        return {
            "IsInside": bool(inside),
            "ObjectId": " ".join(_number_of(event.id) for event in inside),
            "ClassTypes": " ".join(class_of(event.label) for event in inside),
        }

    def describe_classes(self) -> dict[str, Any]:
        """Return the values of ``ObjectDetection/Object``."""
        classes = sorted({class_of(event.label) for event in self._objects.values()})
        return {"ClassTypes": " ".join(classes)}


def describe_frame(frame: FrameDetections, *, source: str) -> dict[str, Any]:
    """Return the metadata of a frame.

    Args:
        frame: the detections.
        source: the name of the analytics module.
    """
    described: dict[str, Any] = {"@UtcTime": frame.captured, "@Source": source}
    if frame.detections:
        described["Object"] = [
            _describe_object(one.id, one.label, one.score, one.box) for one in frame.detections
        ]
    return {"Frame": [described]}


def _describe_object(object_id: str | None, label: str, score: float, box: Box) -> dict[str, Any]:
    left, bottom = _normalise(box[0], box[3])
    right, top = _normalise(box[2], box[1])
    shape = {
        "BoundingBox": {"@left": left, "@top": top, "@right": right, "@bottom": bottom},
        "CenterOfGravity": {
            "@x": round((left + right) / 2, 4),
            "@y": round((top + bottom) / 2, 4),
        },
    }
    kind = {"Type": [{"@Likelihood": score, "#text": class_of(label)}]}
    number = {} if object_id is None else {"@ObjectId": int(_number_of(object_id))}
    return {**number, "Appearance": {"Shape": shape, "Class": kind}}


def _normalise(x: float, y: float) -> tuple[float, float]:
    """Return a point in ONVIF's coordinates: -1 to 1, the origin in the middle, y upwards."""
    return round(2 * x - 1, 4), round(1 - 2 * y, 4)


def _number_of(object_id: str) -> str:
    """Return the object's number, which is unique in a session: ONVIF's ids are integers."""
    return object_id.rpartition("-")[2]
