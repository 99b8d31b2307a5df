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
from edged.scene.zones import ZoneMembership

_MIN_SCORE_GAIN = 0.05
"""Growth of the top score that is worth an update."""
_MIN_UNMOVED_IOU = 0.8
"""A box that overlaps the one last told of by less has moved: a ninth of its side."""


class EventType(StrEnum):
    """As in the contract."""

    START = "start"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent:
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
class _OpenTrack:
    """An object that has started: what is known, and what was last told."""

    latest: TrackEvent
    last_reported: TrackEvent


class EventRules:
    """The events of one camera.

    Args:
        settings: ``[events]``.
        labels: the model's; ``labels[class_id]`` names a class.
    """

    def __init__(self, settings: EventSettings, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._min_update_interval_ns = int(settings.update_s * NS_PER_S)
        self._stationary_update_interval_ns = int(settings.stationary_update_s * NS_PER_S)
        self._open_tracks: dict[int, _OpenTrack] = {}

    def observe(
        self, update: TrackUpdate, zones: Mapping[int, ZoneMembership], frame: FrameRef
    ) -> tuple[TrackEvent, ...]:
        """The events of one frame: ends first, then the rest, oldest object first.

        Args:
            update: the tracker's answer to that frame.
            zones: of each open track, by id.
            frame: which frame it is.
        """
        events = [self._end_track(track.id, frame) for track in update.ended]
        for track in update.tracks:
            event = self._update_track(
                self._make_event(track, zones[track.id], frame), seen=track.seen
            )
            if event is not None:
                events.append(event)
        return tuple(events)

    def end_all(self, now_ns: int) -> tuple[TrackEvent, ...]:
        """End every object: its camera is lost, or the daemon stops."""
        frames = {
            key: FrameRef(
                seq=entry.latest.frame_seq,
                captured_ns=now_ns,
                width=entry.latest.width,
                height=entry.latest.height,
            )
            for key, entry in self._open_tracks.items()
        }
        return tuple(self._end_track(key, frame) for key, frame in frames.items())

    def _update_track(self, event: TrackEvent, *, seen: bool) -> TrackEvent | None:
        entry = self._open_tracks.get(event.id)
        if entry is None:
            self._open_tracks[event.id] = _OpenTrack(event, event)
            return event
        entry.latest = event
        if not seen or not self._is_reportable(entry.last_reported, event):
            return None
        entry.last_reported = event
        return replace(event, type=EventType.UPDATE)

    def _is_reportable(self, last_reported: TrackEvent, latest: TrackEvent) -> bool:
        waited_ns = latest.at_ns - last_reported.at_ns
        if waited_ns < self._min_update_interval_ns:
            return False
        if _reportable_state(last_reported) != _reportable_state(latest):
            return True
        if latest.stationary:
            return waited_ns >= self._stationary_update_interval_ns
        return (
            latest.top_score - last_reported.top_score >= _MIN_SCORE_GAIN
            or iou(latest.box, last_reported.box) < _MIN_UNMOVED_IOU
        )

    def _end_track(self, key: int, frame: FrameRef) -> TrackEvent:
        last = self._open_tracks.pop(key).latest
        return replace(
            last,
            type=EventType.END,
            at_ns=frame.captured_ns,
            ended_ns=last.seen_ns,
            frame_seq=frame.seq,
            width=frame.width,
            height=frame.height,
        )

    def _make_event(self, track: Track, membership: ZoneMembership, frame: FrameRef) -> TrackEvent:
        return TrackEvent(
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


def _reportable_state(event: TrackEvent) -> tuple[object, ...]:
    """What an update is worth sending for at once."""
    return event.zones, event.entered_zones, event.label, event.stationary
