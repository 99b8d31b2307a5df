"""The dialect of Frigate: its topics ``events``, ``available``, and the counts by camera, zone and label.

The form is that of Frigate 0.16. What edged does not know is left out, or has the value that Frigate gives it for an object without (no sub label,
no clip).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from edged.config.addresses import TOPIC_PREFIX
from edged.dialects.frigate_object import FrigateObject
from edged.dialects.prefix import check_prefix
from edged.interfaces import ForeignMessage, OutgoingMessage
from edged.messaging.contract.messages import CameraState, Counts, Event

_ALL = "all"
"""Frigate's name for the sum over all labels."""


class FrigateSettings(Struct, frozen=True, kw_only=True):
    """[dialect.frigate]."""

    enabled: Annotated[bool, Meta(description="False to ignore this table.")] = True
    prefix: Annotated[
        str,
        Meta(
            extra=TOPIC_PREFIX,
            description="First part of the topics, as topic_prefix in Frigate's configuration. Two devices with the same prefix need"
            " different names of cameras.",
        ),
    ] = "frigate"

    def __post_init__(self) -> None:
        """Check the prefix.

        Raises:
            ValueError: the prefix is below edged's own topics.
        """
        check_prefix(self.prefix)


class FrigateDialect:
    """Repeats events and counts as Frigate publishes them."""

    Settings: ClassVar[type[Struct]] = FrigateSettings

    def __init__(self, settings: FrigateSettings, *, device: str) -> None:  # noqa: ARG002 (the interface)
        self._prefix = settings.prefix
        self._objects: dict[str, FrigateObject] = {}
        """The objects that have begun, by id."""
        self._counts: dict[str, dict[str, dict[str, int]]] = {}
        """Each camera's counts, by the topic's middle part (camera or zone), then by its last part."""
        self._published: dict[str, int] = {}
        """The newest count of each topic."""

    def begin(self) -> Sequence[ForeignMessage]:
        """Return that the device is available."""
        return [self._availability("online")]

    def translate(self, message: Struct) -> Sequence[ForeignMessage]:
        """Return an event in Frigate's form, or the counts that have changed."""
        match message:
            case Event():
                return self._translate_event(message)
            case CameraState():
                return list(self._translate_state(message))
        return ()

    def end(self) -> Sequence[ForeignMessage]:
        """Return that the device is not available."""
        return [self._availability("offline")]

    def _availability(self, text: str) -> ForeignMessage:
        topic = f"{self._prefix}/available"
        message = OutgoingMessage(topic=topic, payload=text.encode(), qos=1, retain=True)
        return ForeignMessage(message, is_state=True)

    def _translate_event(self, event: Event) -> Sequence[ForeignMessage]:
        known = self._objects.get(event.id)
        if known is None and event.type == "end":
            return ()  # nobody was told of it
        known = self._objects.setdefault(event.id, FrigateObject(event))
        kind = "new" if known.before is None else event.type
        before, after = known.take(event)
        if event.type == "end":
            kind = "end"
            del self._objects[event.id]
        payload = msgspec.json.encode({"type": kind, "before": before, "after": after})
        message = OutgoingMessage(topic=f"{self._prefix}/events", payload=payload, qos=1)
        return [ForeignMessage(message)]

    def _translate_state(self, state: CameraState) -> Iterator[ForeignMessage]:
        self._counts[state.camera] = {
            state.camera: _with_active(state.counts, state.active),
            **{
                zone: _with_active(counts, state.zones_active.get(zone, {}))
                for zone, counts in state.zones.items()
            },
        }
        yield self._state_message(f"{state.camera}/motion", "ON" if state.motion else "OFF")
        counts = self._sum_counts()
        for leaf in self._published.keys() - counts.keys():
            counts[leaf] = 0
        for leaf, count in sorted(counts.items()):
            if self._published.get(leaf) != count:
                self._published[leaf] = count
                yield self._state_message(leaf, str(count))

    def _sum_counts(self) -> dict[str, int]:
        """Return the counts by the topic below the prefix: a zone that several cameras have counts their objects together."""
        sums: dict[str, int] = {}
        for places in self._counts.values():
            for place, counts in places.items():
                for label, count in counts.items():
                    leaf = f"{place}/{label}"
                    sums[leaf] = sums.get(leaf, 0) + count
        return sums

    def _state_message(self, leaf: str, text: str) -> ForeignMessage:
        topic = f"{self._prefix}/{leaf}"
        return ForeignMessage(OutgoingMessage(topic=topic, payload=text.encode(), qos=1), True)  # noqa: FBT003 (is_state)


def _with_active(counts: Counts, active: Counts) -> dict[str, int]:
    """Return counts by the last part of the topic: each label, and all, and of these those that are not stationary."""
    shown = {_level(label): count for label, count in counts.items()}
    shown[_ALL] = sum(counts.values())
    moving = {label: active.get(label, 0) for label in counts}
    shown |= {f"{_level(label)}/active": count for label, count in moving.items()}
    shown[f"{_ALL}/active"] = sum(active.values())
    return shown


def _level(label: str) -> str:
    """Return a label as one level of a topic."""
    return label.translate(_NOT_IN_TOPICS)


_NOT_IN_TOPICS: Mapping[int, Any] = str.maketrans("/#+\0", "____")
