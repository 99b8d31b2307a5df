"""Rules for which changes of an object become events.

An object has a ``start`` when it is confirmed, an ``end`` when it is lost, and an ``update`` in between: when its zones, its label or
its stillness change, or when it has moved or its top score has clearly grown since the last event. Updates of one object are at least
`update_s` apart; a stationary object also has one every `stationary_update_s`. No object ends that has not started, and none ends
twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from edged.clock import NS_PER_S
from edged.config.settings import EventSettings
from edged.scene.geometry import iou
from edged.scene.tracking import Track, TrackUpdate
from edged.scene.tracking.track import Box, Point
from edged.scene.zones import ZoneMembership
from edged.types import label_of

_MIN_SCORE_GAIN = 0.05
"""Growth of the top score that makes an update."""
_MIN_UNMOVED_IOU = 0.8
"""An object has moved if its box overlaps the last reported one by less: a ninth of its side."""


class EventType(StrEnum):
    """The types of event in the contract."""

    START = "start"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent:
    """One event of one object. Times are capture times in monotonic nanoseconds.

    Attributes:
        type: what happened.
        id: the object's id; never reused in this session.
        label: the name of its class.
        score: score of the newest detection.
        top_score: the best score so far.
        box: box of the newest detection, in fractions of the frame.
        zones: the zones that it is in.
        entered_zones: the zones that it is or has been in.
        stationary: whether it has not moved for `TrackSettings.stationary_s`.
        path: its foot points, oldest first.
        at_ns: time of the frame of this event, or of the end of the scene.
        started_ns: time of the first detection.
        seen_ns: time of the newest detection.
        ended_ns: time of the object's end in an ``end``, otherwise None.
        frame_seq: number of the frame of this event.
        width: width of that frame in pixels.
        height: height of that frame in pixels.
    """

    type: EventType
    id: int
    label: str
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
    """The frame that events refer to.

    Attributes:
        seq: its number.
        captured_ns: its capture time.
        width: its width in pixels.
        height: its height in pixels.
    """

    seq: int
    captured_ns: int
    width: int
    height: int


@dataclass(slots=True)
class _OpenTrack:
    """An object that has started.

    Attributes:
        latest: its present state, as an event.
        last_reported: its last event.
    """

    latest: TrackEvent
    last_reported: TrackEvent


class EventRules:
    """The events of one camera.

    Args:
        settings: ``[events]``.
        labels: the model's labels; ``labels[class_id]`` names a class.
    """

    def __init__(self, settings: EventSettings, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._min_update_interval_ns = int(settings.update_s * NS_PER_S)
        self._stationary_update_interval_ns = int(settings.stationary_update_s * NS_PER_S)
        self._open_tracks: dict[int, _OpenTrack] = {}

    def observe(
        self, update: TrackUpdate, zones: Mapping[int, ZoneMembership], frame: FrameRef
    ) -> tuple[TrackEvent, ...]:
        """Return the events of one frame: ends first, then the others, oldest object first.

        Args:
            update: the tracker's result for that frame.
            zones: the zones of each open track, by id.
            frame: the frame.
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
        """End every object, because its camera is lost or the daemon stops; return the events."""
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
    """Return the part of the state of which a change is reported as soon as possible."""
    return event.zones, event.entered_zones, event.label, event.stationary
