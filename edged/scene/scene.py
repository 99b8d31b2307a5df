"""The scene of one camera: filters, tracker, zones, events and counts, one after the other. No I/O."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edged.clock import NS_PER_S
from edged.config.settings import CameraSettings, DetectSettings, EventSettings, TrackSettings
from edged.scene.events import EventRules, FrameRef, TrackEvent
from edged.scene.filters import NO_SETTINGS, DetectionFilters
from edged.scene.tracking import Track, Tracker, TrackUpdate
from edged.scene.zones import ZoneMembership, Zones
from edged.types import Detections, label_of

_MOTION_HOLD_S = 5.0
"""Motion ends after this long without any, so that the retained state is not published again at every step of a walker."""

VEHICLES = (
    *("bicycle", "boat", "bus", "car", "motorbike", "motorcycle", "trailer", "train", "truck"),
    *("van", "vehicle"),
)
"""Labels of common models for vehicles, of which another one seldom follows at the same place within a minute."""

Counts = Mapping[str, int]
"""Number of objects by label; labels without objects are missing."""

Labelled = Sequence[tuple[str, Track]]
"""Objects with their labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneState:
    """The present state of the scene.

    Attributes:
        counts: number of open objects by label.
        active: number of objects that are not stationary, by label.
        zones: `counts` of every zone of the camera.
        zones_active: `active` of every zone of the camera.
        occupied: whether there is any object.
        motion: whether something has moved in the picture within the last seconds.
    """

    counts: Counts = field(default_factory=dict)
    active: Counts = field(default_factory=dict)
    zones: Mapping[str, Counts] = field(default_factory=dict)
    zones_active: Mapping[str, Counts] = field(default_factory=dict)
    occupied: bool = False
    motion: bool = False

    @classmethod
    def empty(cls, zones: tuple[str, ...]) -> "SceneState":
        """Return the state of a scene with these zones and no object."""
        no_objects: dict[str, Counts] = {zone: {} for zone in zones}
        return cls(zones=no_objects, zones_active=no_objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneUpdate:
    """The result of one frame.

    Attributes:
        events: in the order in which they are published.
        state: the state after them.
        state_changed: whether the state differs from the previous one; True the first time.
        detections: the frame's detections that reach their label's threshold; none when the scene was ended from outside.
    """

    events: tuple[TrackEvent, ...]
    state: SceneState
    state_changed: bool
    detections: Detections


class Scene:
    """The rules of one camera with one model.

    Args:
        camera: the camera's settings; zones and filters are taken from them.
        detect: ``[detect]``.
        track: ``[track]``.
        events: ``[events]``.
        labels: the model's labels; ``labels[class_id]`` names a class.
        ids: source of object ids; share one iterator to make them unique over several cameras.
        recommended: filters that the model's maker recommends, for what the settings leave open.
    """

    def __init__(
        self,
        camera: CameraSettings,
        *,
        detect: DetectSettings,
        track: TrackSettings,
        events: EventSettings,
        labels: tuple[str, ...],
        ids: Iterator[int] | None = None,
        recommended: DetectSettings = NO_SETTINGS,
    ) -> None:
        self.filters = DetectionFilters.from_settings(
            detect,
            camera.detect,
            labels,
            keep_threshold=track.keep_threshold,
            recommended=recommended,
        )
        self._labels = labels
        resting_labels = VEHICLES if track.stationary_labels is None else track.stationary_labels
        self._tracker = Tracker(
            track, ids=ids, may_rest=lambda class_id: label_of(labels, class_id) in resting_labels
        )
        self._zone_names = tuple(camera.zone)
        self._zones = Zones(camera.zone)
        self._event_rules = EventRules(events, labels)
        self._state: SceneState | None = None
        self._last_motion_ns: int | None = None

    def observe(
        self,
        detections: Detections,
        *,
        captured_ns: int,
        frame_seq: int,
        width: int,
        height: int,
        moving: bool,
    ) -> SceneUpdate:
        """Take in one inferred frame.

        Args:
            detections: the model's detections, down to `filters.min_score`.
            captured_ns: capture time of the frame on the camera's time line; if that restarts, call `end_all` first.
            frame_seq: the frame's number.
            width: width of the frame in pixels.
            height: height of the frame in pixels.
            moving: whether the motion detector found motion.
        """
        passed = self.filters.apply(detections, width=width, height=height)
        tracks = self._tracker.update(
            passed.detections, passed.strong, captured_ns, listed=passed.listed
        )
        zones = self._update_zones(tracks)
        frame = FrameRef(seq=frame_seq, captured_ns=captured_ns, width=width, height=height)
        if moving:
            self._last_motion_ns = captured_ns
        events = self._event_rules.observe(tracks, zones, frame)
        state = self._build_state(tracks.tracks, zones, captured_ns)
        return self._build_update(events, state, passed.reportable)

    def end_all(self, now_ns: int) -> SceneUpdate:
        """End every object and empty the scene, because its camera is lost or the daemon stops.

        Args:
            now_ns: time on the camera's time line, not before its last frame.
        """
        self._tracker.clear()
        self._zones.clear()
        self._last_motion_ns = None
        events = self._event_rules.end_all(now_ns)
        return self._build_update(events, self._build_state((), {}, now_ns), Detections.empty())

    def _update_zones(self, update: TrackUpdate) -> dict[int, ZoneMembership]:
        """Update the zones of every track, unconfirmed ones included, so that an object that begins in a zone starts there."""
        tracks = (*update.tracks, *update.unconfirmed_tracks)
        ids = [track.id for track in tracks]
        memberships = self._zones.update(
            ids,
            [label_of(self._labels, track.class_id) for track in tracks],
            np.array([track.box for track in tracks], np.float32).reshape(-1, 4),
            [track.seen for track in tracks],
        )
        return dict(zip(ids, memberships, strict=True))

    def _build_state(
        self, tracks: tuple[Track, ...], zones: Mapping[int, ZoneMembership], now_ns: int
    ) -> SceneState:
        present = [(label_of(self._labels, t.class_id), t) for t in tracks]
        moving = [(label, t) for label, t in present if not t.stationary]
        motion_ns = self._last_motion_ns
        return SceneState(
            counts=_count_labels(present),
            active=_count_labels(moving),
            zones=self._count_by_zone(present, zones),
            zones_active=self._count_by_zone(moving, zones),
            occupied=bool(tracks),
            motion=motion_ns is not None and now_ns - motion_ns < _MOTION_HOLD_S * NS_PER_S,
        )

    def _count_by_zone(
        self, labelled: Labelled, zones: Mapping[int, ZoneMembership]
    ) -> Mapping[str, Counts]:
        return {
            name: _count_labels([(label, t) for label, t in labelled if name in zones[t.id].zones])
            for name in self._zone_names
        }

    def _build_update(
        self, events: tuple[TrackEvent, ...], state: SceneState, detections: Detections
    ) -> SceneUpdate:
        changed = state != self._state
        self._state = state
        return SceneUpdate(events=events, state=state, state_changed=changed, detections=detections)


def _count_labels(labelled: Labelled) -> Counts:
    return dict(Counter(label for label, _ in labelled))
