"""The dialect of ONVIF Profile M: events and frame metadata in JSON.

Topics and payloads are those of the ONVIF Core Specification ("Event Broker") and of the Analytics Service Specification ("JSON Payload
Structure", "Specified Rules"). Only ONVIF's own topics occur, so that no namespace has to be written. Numbers, true and false stand without quotes,
which a reader has to accept as well as quoted ones.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from edged.config.addresses import TOPIC_PREFIX
from edged.dialects.onvif_scene import CameraObjects, describe_frame
from edged.dialects.prefix import check_prefix
from edged.interfaces import ForeignMessage, OutgoingMessage
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import CameraState, Event, FrameDetections

_MODULE = "edged"
"""Name of the analytics module."""
_OBJECT_RULE = "objects"
"""Name of the rule that reports the classes in view."""
_INSIDE = "RuleEngine/FieldDetector/ObjectsInside"
_CLASSES = "RuleEngine/ObjectDetection/Object"
_NO_CLASSES = {"ClassTypes": ""}
"""What holds before the first report of the classes in view."""


class OnvifSettings(Struct, frozen=True, kw_only=True):
    """[dialect.onvif]."""

    enabled: Annotated[bool, Meta(description="False to ignore this table.")] = True
    prefix: Annotated[
        Annotated[str, Meta(extra=TOPIC_PREFIX)] | None,
        Meta(
            description="First part of the topics: ONVIF's TopicPrefix. The device's name if not set."
        ),
    ] = None
    metadata: Annotated[
        bool,
        Meta(description="Also repeat the detections of each frame, at the rate of [events]."),
    ] = True

    def __post_init__(self) -> None:
        """Check the prefix.

        Raises:
            ValueError: the prefix is below edged's own topics.
        """
        check_prefix(self.prefix or "")


class OnvifDialect:
    """Repeats the objects in zones and in view, motion, and the detections of single frames."""

    Settings: ClassVar[type[Struct]] = OnvifSettings

    def __init__(self, settings: OnvifSettings, *, device: str) -> None:
        self._prefix = settings.prefix or device
        self._has_metadata = settings.metadata
        self._cameras: dict[str, CameraObjects] = {}
        self._reported: dict[str, dict[str, Any]] = {}
        """The newest values of each topic."""

    def begin(self) -> Sequence[ForeignMessage]:
        """Return nothing: each camera's state follows."""
        return ()

    def translate(self, message: Struct) -> Sequence[ForeignMessage]:
        """Return the properties and events that follow from a message, or a frame's metadata."""
        match message:
            case Event():
                camera = self._cameras.setdefault(message.camera, CameraObjects())
                return list(self._report_changes(message.camera, message, camera.take(message)))
            case CameraState():
                return list(self._translate_state(message))
            case FrameDetections() if self._has_metadata:
                return [self._translate_frame(message)]
        return ()

    def end(self) -> Sequence[ForeignMessage]:
        """Return nothing: the cameras' final states have said it."""
        return ()

    def _translate_state(self, state: CameraState) -> Iterator[ForeignMessage]:
        camera = self._cameras.setdefault(state.camera, CameraObjects())
        yield from self._report(
            "VideoSource/MotionAlarm",
            state,
            {"Source": state.camera},
            {"State": state.motion},
            is_property=True,
        )
        for zone in camera.set_zones(state.zones):
            yield self._delete(_INSIDE, _rule_source(state.camera, zone))
        if not state.online:
            camera.clear()
        yield from self._report_changes(state.camera, state, frozenset(state.zones))

    def _report_changes(
        self, name: str, header: Header, zones: frozenset[str]
    ) -> Iterator[ForeignMessage]:
        """Report the objects in zones, and the classes in view if they have changed.

        Args:
            name: the camera's name.
            header: the message from which the changes follow.
            zones: the zones to report.
        """
        camera = self._cameras[name]
        for zone in sorted(zones):
            source, content = _rule_source(name, zone), camera.describe_zone(zone)
            yield from self._report(_INSIDE, header, source, content, is_property=True)
        source, content = _rule_source(name, _OBJECT_RULE), camera.describe_classes()
        yield from self._report(_CLASSES, header, source, content, is_property=False)

    def _report(
        self,
        local_topic: str,
        header: Header,
        source: dict[str, str],
        content: dict[str, Any],
        *,
        is_property: bool,
    ) -> Iterator[ForeignMessage]:
        """Report values, unless they are those that were reported last.

        Args:
            local_topic: the topic in ONVIF's own namespace.
            header: the message from which the values follow.
            source: where they come from.
            content: the values.
            is_property: whether they hold until the next ones.
        """
        topic = self._event_topic(local_topic, source)
        if self._reported.get(topic, _NO_CLASSES) == content:
            return
        self._reported[topic] = content
        payload = msgspec.json.encode({"UtcTime": header.time, "Source": source, "Data": content})
        message = OutgoingMessage(topic=topic, payload=payload, qos=1, retain=is_property)
        yield ForeignMessage(message, is_property)

    def _translate_frame(self, frame: FrameDetections) -> ForeignMessage:
        topic = f"{self._prefix}/onvif-mj/VideoAnalytics/{frame.camera}/{_MODULE}"
        payload = msgspec.json.encode(describe_frame(frame, source=_MODULE))
        return ForeignMessage(OutgoingMessage(topic=topic, payload=payload))

    def _delete(self, local_topic: str, source: dict[str, str]) -> ForeignMessage:
        """Return the message that deletes a property: an empty one."""
        topic = self._event_topic(local_topic, source)
        self._reported.pop(topic, None)
        message = OutgoingMessage(topic=topic, payload=b"", qos=1, retain=True)
        return ForeignMessage(message, is_state=True)

    def _event_topic(self, local_topic: str, source: dict[str, str]) -> str:
        """Return the topic of an event: the values of its source stand at the end, in their order."""
        return f"{self._prefix}/onvif-ej/{local_topic}/&{'/'.join(source.values())}"


def _rule_source(camera: str, rule: str) -> dict[str, str]:
    return {"VideoSource": camera, "Rule": rule}
