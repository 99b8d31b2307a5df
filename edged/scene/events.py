"""Rules for which changes of an object become events.

An object has a ``start`` when it is confirmed, an ``end`` when it is lost, and an ``update`` in between: when its zones, its label or
its stillness change, or when it has moved or its top score has clearly grown since the last event. Updates of one object are at least
`update_s` apart; a stationary object also has one every `stationary_update_s`. No object ends that has not started, and none ends
twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from edged.clock import NS_PER_S
from edged.config.settings import EventSettings
from edged.scene.geometry import Point, iou
from edged.scene.tracking import Track, TrackUpdate
from edged.scene.zones import ZoneMembership
from edged.types import Box, ClassNames

_MIN_SCORE_GAIN = 0.05
"""Growth of the top score that makes an update."""
_MIN_UNMOVED_IOU = 0.8
"""An object has moved if its box overlaps the last reported one by less: a ninth of its side."""


class EventType(StrEnum):
    """The types of event in the contract."""

    START = "start"
    UPDATE = "update"
    END = "end"


class TrackEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One event of one object. Times are capture times in monotonic nanoseconds.

    Attributes:
        type: what happened.
        id: the object's id; never reused in this session.
        label: the name of its class.
        score: score of the newest detection.
        top_score: the best score so far.
        top_median_score: the greatest median of the scores in ten frames so far.
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
    top_median_score: float = 0.0
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


class FrameRef(Struct, frozen=True, kw_only=True, gc=False):
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
        track: its present state.
        membership: its present zones.
        frame: its newest frame.
        last_reported: its last event.
    """

    track: Track
    membership: ZoneMembership
    frame: FrameRef
    last_reported: TrackEvent


class EventRules:
    """The events of one camera.

    Args:
        settings: ``[events]``.
        class_names: the names of the model's classes.
    """

    def __init__(self, settings: EventSettings, class_names: ClassNames) -> None:
        self._class_names = class_names
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
        open_tracks = self._open_tracks
        for track in update.tracks:
            membership = zones[track.id]
            entry = open_tracks.get(track.id)
            if entry is None:
                event = self._make_event(EventType.START, track, membership, frame)
                open_tracks[track.id] = _OpenTrack(track, membership, frame, event)
                events.append(event)
                continue
            entry.track, entry.membership, entry.frame = track, membership, frame
            if track.seen and self._is_reportable(entry):
                entry.last_reported = self._make_event(EventType.UPDATE, track, membership, frame)
                events.append(entry.last_reported)
        return tuple(events)

    def end_all(self, now_ns: int) -> tuple[TrackEvent, ...]:
        """End every object, because its camera is lost or the daemon stops; return the events."""
        frames = {
            key: FrameRef(
                seq=entry.frame.seq,
                captured_ns=now_ns,
                width=entry.frame.width,
                height=entry.frame.height,
            )
            for key, entry in self._open_tracks.items()
        }
        return tuple(self._end_track(key, frame) for key, frame in frames.items())

    def _is_reportable(self, entry: _OpenTrack) -> bool:
        track, last = entry.track, entry.last_reported
        waited_ns = entry.frame.captured_ns - last.at_ns
        if waited_ns < self._min_update_interval_ns:
            return False
        if (
            track.stationary != last.stationary
            or entry.membership.zones != last.zones
            or entry.membership.entered != last.entered_zones
            or self._class_names[track.class_id] != last.label
        ):
            return True
        if track.stationary:
            return waited_ns >= self._stationary_update_interval_ns
        return (
            track.top_score - last.top_score >= _MIN_SCORE_GAIN
            or iou(track.box, last.box) < _MIN_UNMOVED_IOU
        )

    def _end_track(self, key: int, frame: FrameRef) -> TrackEvent:
        entry = self._open_tracks.pop(key)
        return self._make_event(EventType.END, entry.track, entry.membership, frame)

    def _make_event(
        self, kind: EventType, track: Track, membership: ZoneMembership, frame: FrameRef
    ) -> TrackEvent:
        return TrackEvent(
            type=kind,
            id=track.id,
            label=self._class_names[track.class_id],
            score=track.score,
            top_score=track.top_score,
            top_median_score=track.top_median_score,
            box=track.box,
            zones=membership.zones,
            entered_zones=membership.entered,
            stationary=track.stationary,
            path=track.path,
            at_ns=frame.captured_ns,
            started_ns=track.started_ns,
            seen_ns=track.seen_ns,
            ended_ns=track.seen_ns if kind is EventType.END else None,
            frame_seq=frame.seq,
            width=frame.width,
            height=frame.height,
        )
