"""What is worth telling of an object: that it came, that it changed, that it is gone.

``start`` once it is believed, ``end`` once it is lost, and ``update`` in between: on a change of zones, label or stillness, or
when it has moved or looks clearly more certain than what was last told. Updates of one object keep `update_s` apart; a stationary
one is told of every `stationary_update_s` besides. No object ends that has not started, and none ends twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from edged.clock import NS_PER_S
from edged.config.settings import EventSettings
from edged.scene.filters import label_of
from edged.scene.geometry import iou
from edged.scene.tracking import Track, TrackUpdate
from edged.scene.tracking.track import Box, Point
from edged.scene.zones import Membership

_MORE_CERTAIN = 0.05
"""Growth of the top score that is worth an update."""
_MOVED_IOU = 0.8
"""A box that overlaps the one last told of by less has moved: a ninth of its side."""


class EventType(StrEnum):
    """As in the contract."""

    START = "start"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """One thing to tell of one object. Times are captured times.

    Attributes:
        type: what happened.
        id: the object's; never used again in this session.
        label: the name of its class.
        class_id: index into the model's labels.
        score: of the newest detection.
        top_score: the best so far.
        box: where it was last seen, fractions of the frame.
        zones: where it is now.
        entered_zones: where it is or has been.
        stationary: whether it has not moved for long.
        path: where its feet have been, oldest first.
        at_ns: the frame's time that made this event; or when it was ended from outside.
        started_ns: when it was first seen.
        seen_ns: when it was last seen.
        ended_ns: the same in an ``end``, else None.
        frame_seq: the frame that made this event.
        width: of that frame, pixels.
        height: of that frame, pixels.
    """

    type: EventType
    id: int
    label: str
    class_id: int
    score: float
    top_score: float
    box: Box
    zones: tuple[str, ...]
    entered_zones: tuple[str, ...]
    stationary: bool
    path: tuple[Point, ...]
    at_ns: int
    started_ns: int
    seen_ns: int
    ended_ns: int | None = None
    frame_seq: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRef:
    """The frame that events speak of.

    Attributes:
        seq: its number.
        captured_ns: its time.
        width: pixels.
        height: pixels.
    """

    seq: int
    captured_ns: int
    width: int
    height: int


@dataclass(slots=True)
class _Open:
    """An object that has started: what is known, and what was last told."""

    now: ObjectEvent
    told: ObjectEvent


class EventRules:
    """The events of one camera.

    Args:
        settings: ``[events]``.
        labels: the model's; ``labels[class_id]`` names a class.
    """

    def __init__(self, settings: EventSettings, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._update_ns = int(settings.update_s * NS_PER_S)
        self._stationary_update_ns = int(settings.stationary_update_s * NS_PER_S)
        self._open: dict[int, _Open] = {}

    def observe(
        self, update: TrackUpdate, zones: Mapping[int, Membership], frame: FrameRef
    ) -> tuple[ObjectEvent, ...]:
        """The events of one frame: ends first, then the rest, oldest object first.

        Args:
            update: the tracker's answer to that frame.
            zones: of each open track, by id.
            frame: which frame it is.
        """
        events = [self._end(track.id, frame) for track in update.ended]
        for track in update.tracks:
            event = self._look(self._event(track, zones[track.id], frame), seen=track.seen)
            if event is not None:
                events.append(event)
        return tuple(events)

    def end_all(self, now_ns: int) -> tuple[ObjectEvent, ...]:
        """End every object: its camera is lost, or the daemon stops."""
        frames = {
            key: FrameRef(
                seq=entry.now.frame_seq,
                captured_ns=now_ns,
                width=entry.now.width,
                height=entry.now.height,
            )
            for key, entry in self._open.items()
        }
        return tuple(self._end(key, frame) for key, frame in frames.items())

    def _look(self, now: ObjectEvent, *, seen: bool) -> ObjectEvent | None:
        entry = self._open.get(now.id)
        if entry is None:
            self._open[now.id] = _Open(now, now)
            return now
        entry.now = now
        if not seen or not self._worth_telling(entry.told, now):
            return None
        entry.told = now
        return replace(now, type=EventType.UPDATE)

    def _worth_telling(self, told: ObjectEvent, now: ObjectEvent) -> bool:
        waited_ns = now.at_ns - told.at_ns
        if waited_ns < self._update_ns:
            return False
        if _standing(told) != _standing(now):
            return True
        if now.stationary:
            return waited_ns >= self._stationary_update_ns
        return (
            now.top_score - told.top_score >= _MORE_CERTAIN or iou(now.box, told.box) < _MOVED_IOU
        )

    def _end(self, key: int, frame: FrameRef) -> ObjectEvent:
        last = self._open.pop(key).now
        return replace(
            last,
            type=EventType.END,
            at_ns=frame.captured_ns,
            ended_ns=last.seen_ns,
            frame_seq=frame.seq,
            width=frame.width,
            height=frame.height,
        )

    def _event(self, track: Track, membership: Membership, frame: FrameRef) -> ObjectEvent:
        return ObjectEvent(
            type=EventType.START,
            id=track.id,
            label=label_of(self._labels, track.class_id),
            class_id=track.class_id,
            score=track.score,
            top_score=track.top_score,
            box=track.box,
            zones=membership.zones,
            entered_zones=membership.entered,
            stationary=track.stationary,
            path=track.path,
            at_ns=frame.captured_ns,
            started_ns=track.started_ns,
            seen_ns=track.seen_ns,
            frame_seq=frame.seq,
            width=frame.width,
            height=frame.height,
        )


def _standing(event: ObjectEvent) -> tuple[object, ...]:
    """What an update is worth sending for at once."""
    return event.zones, event.entered_zones, event.label, event.stationary
